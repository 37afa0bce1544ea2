// The typical program of the Assistants API with the official SDK: only its base URL is ours.
//
// Run as `node program.mjs BASE_URL API_KEY DIRECTORY`, from a directory whose node_modules hold
// the SDK; DIRECTORY holds bees.txt, ants.txt and empty.txt. It prints one JSON value a line,
// each with what it is about.

import fs from 'node:fs';
import path from 'node:path';
import OpenAI from 'openai';

const [baseURL, apiKey, directory] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const { assistants, threads } = client.beta;
const FAST = { pollIntervalMs: 10 };

const tell = (what, value) => console.log(JSON.stringify([what, value]));
const opened = (name) => fs.createReadStream(path.join(directory, name));

async function refused(what, request) {
  try {
    await request;
    tell(what, 'not refused');
  } catch (error) {
    tell(what, [error.constructor.name, error.status, error.code, error.param, error.error?.message]);
  }
}

// Runs, polled.
const weather = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: {} } },
};
const helper = await assistants.create({ model: 'scripted-model', tools: [weather] });
const thread = await threads.create({ messages: [{ role: 'user', content: 'Weather?' }] });
let run = await threads.runs.createAndPoll(thread.id, { assistant_id: helper.id }, FAST);
tell('waits', run.status);
run = await threads.runs.submitToolOutputsAndPoll(
  run.id,
  {
    thread_id: thread.id,
    tool_outputs: run.required_action.submit_tool_outputs.tool_calls.map((call) => ({
      tool_call_id: call.id,
      output: `${call.function.name}: warm`,
    })),
  },
  FAST,
);
tell('ended', run.status);
const said = [];
for await (const message of threads.messages.list(thread.id, { order: 'asc', limit: 1 })) {
  said.push(`${message.role}: ${message.content[0].text.value}`);
}
tell('said', said);

// Runs, streamed, with every helper.
const heard = { deltas: '', names: [], runSteps: 0, messages: 0, texts: [], ended: false };
await threads.messages.create(thread.id, { role: 'user', content: 'Tell me more.' });
let stream = threads.runs
  .stream(thread.id, { assistant_id: helper.id })
  .on('event', ({ event }) => heard.names.push(event))
  .on('textCreated', () => heard.texts.push('created'))
  .on('textDelta', (delta, snapshot) => {
    heard.deltas += delta.value;
    if (snapshot.value !== heard.deltas) throw new Error('the snapshot is not what was said');
  })
  .on('textDone', (text) => heard.texts.push(text.value))
  .on('messageDone', () => (heard.messages += 1))
  .on('runStepDone', () => (heard.runSteps += 1))
  .on('end', () => (heard.ended = true));
tell('streamed run', (await stream.finalRun()).status);
tell('final messages', (await stream.finalMessages()).map((m) => m.content[0].text.value));
await stream.done();
tell('heard', heard);

// Outputs, submitted into a stream.
await threads.messages.create(thread.id, { role: 'user', content: 'And now?' });
stream = threads.runs.stream(thread.id, { assistant_id: helper.id });
const calls = [];
let argumentsSeen = '';
stream.on('toolCallDelta', (delta) => (argumentsSeen += delta.function?.arguments ?? ''));
stream.on('toolCallDone', (call) => calls.push(call));
run = await stream.finalRun();
tell('calls', calls.map((call) => [call.type, call.function.name, argumentsSeen]));
stream = threads.runs.submitToolOutputsStream(run.id, {
  thread_id: thread.id,
  tool_outputs: calls.map((call) => ({ tool_call_id: call.id, output: 'cold' })),
});
const begun = [];
for await (const { event } of stream) begun.push(event);
tell('resumed', begun.slice(0, 2));
tell('resumed run', (await stream.finalRun()).status);

// Files.
const file = await client.files.create({
  file: opened('bees.txt'),
  purpose: 'assistants',
  expires_after: { anchor: 'created_at', seconds: 3600 },
});
tell('file', [file.filename, file.bytes, file.purpose, file.expires_at - file.created_at]);
tell('content', await (await client.files.content(file.id)).text());
tell('processed', (await client.files.waitForProcessing(file.id)).status);
const listed = [];
for await (const each of client.files.list({ limit: 1 })) listed.push(each.filename);
tell('files', listed);

// Vector stores.
const store = await client.vectorStores.create({ name: 'Zoo', metadata: { k: 'v' } });
const added = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id }, FAST);
tell('added', added.status);
const uploaded = await client.vectorStores.files.uploadAndPoll(store.id, opened('ants.txt'), FAST);
tell('uploaded', uploaded.status);
const batch = await client.vectorStores.fileBatches.uploadAndPoll(
  store.id,
  { files: [opened('empty.txt')], fileIds: [file.id] },
  FAST,
);
tell('batch', [batch.status, batch.file_counts.failed, batch.file_counts.total]);
const found = await client.vectorStores.search(store.id, { query: 'bees dance' });
tell('found', found.data.map((hit) => [hit.filename, hit.content[0].text]));

// Hosted tools, streamed.
const scholar = await assistants.create({
  model: 'scripted-model',
  tools: [{ type: 'code_interpreter' }, { type: 'file_search' }],
  tool_resources: { file_search: { vector_store_ids: [store.id] } },
});
const study = await threads.create({ messages: [{ role: 'user', content: 'Study the bees.' }] });
let code = '';
let logs = '';
const kinds = new Set();
stream = threads.runs
  .stream(study.id, { assistant_id: scholar.id })
  .on('toolCallCreated', (call) => kinds.add(call.type))
  .on('toolCallDelta', (delta) => {
    kinds.add(delta.type);
    if (delta.type !== 'code_interpreter') return;
    code += delta.code_interpreter.input ?? '';
    for (const output of delta.code_interpreter.outputs ?? []) logs += output.logs ?? '';
  });
const [answer] = await stream.finalMessages();
const [citation] = answer.content[0].text.annotations;
tell('studied', [[...kinds], code, logs]);
tell('quoted', [citation.type, citation.text, citation.file_citation.file_id === file.id]);
const steps = await stream.finalRunSteps();
tell('steps', steps.map((step) => [step.type, step.status]));

// Refusals.
await refused('unknown', threads.retrieve('thread_none'));
await refused('wrong', assistants.create({ model: 'm', temperature: 3 }));
await refused('unknown field', assistants.create({ model: 'm', colour: 'red' }));
const stranger = new OpenAI({ baseURL, apiKey: 'sk-wrong', maxRetries: 0 });
await refused('stranger', stranger.beta.assistants.list());
const failing = threads.runs.stream(study.id, { assistant_id: 'asst_none' });
await refused('failing stream', failing.finalRun());

tell('gone', [
  (await client.vectorStores.delete(store.id)).deleted,
  (await client.files.delete(file.id)).deleted,
  (await threads.delete(thread.id)).deleted,
  (await assistants.delete(helper.id)).deleted,
]);
