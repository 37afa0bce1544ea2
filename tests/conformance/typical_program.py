"""The typical program of the Assistants API, with the official SDK: only its base URL is ours.

Such programs sleep between two polls, so this program sleeps, too.

Run as `typical_program.py BASE_URL API_KEY SECONDS`, the seconds between two questions after a run.
"""

import sys
import time

from openai import BadRequestError, OpenAI
from openai.types.beta.threads import Run

client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2])
SECONDS = float(sys.argv[3])


def wait_for(run: Run) -> Run:
    """Ask after the run again and again, printing its status, until it ends."""
    while True:
        run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        print("status:", run.status)
        if run.status == "completed":
            print("ended: completed, tokens:", run.usage.total_tokens if run.usage else None)
            return run
        if run.status == "failed":
            assert run.last_error is not None
            print("ended: failed,", run.last_error.code)
            return run
        if run.status in ("cancelled", "expired"):
            print("ended:", run.status)
            return run
        time.sleep(SECONDS)


def ask(thread_id: str, question: str) -> Run:
    """Put a question on the thread and start a run."""
    client.beta.threads.messages.create(thread_id, role="user", content=question)
    return client.beta.threads.runs.create(thread_id=thread_id, assistant_id=assistant.id)


assistant = client.beta.assistants.create(
    model="scripted-model", name="Tutor", instructions="You are a tutor."
)
thread = client.beta.threads.create()

wait_for(ask(thread.id, "Give me three tips for better sleep."))
for message in client.beta.threads.messages.list(thread.id, order="asc"):
    for part in message.content:
        if part.type == "text":
            print(f"{message.role}: {part.text.value}")

wait_for(ask(thread.id, "Please fail."))

run = ask(thread.id, "Please take long.")
while client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "queued":
    time.sleep(SECONDS)
run = client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
print("told to stop:", run.status)
wait_for(run)

wait_for(ask(thread.id, "Please expire."))

run = client.beta.threads.create_and_run(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "All in one call."}]},
)
print("another thread:", run.thread_id != thread.id)
wait_for(run)

for run in client.beta.threads.runs.list(thread.id, limit=2):  # pages on by itself
    error = run.last_error.code if run.last_error else None
    print("listed:", run.status, error, "usage" if run.usage else "no usage")

full = {f"{'k' * 62}{n:02}": "v" * 512 for n in range(16)}
run = client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata=full)
print("metadata:", run.metadata == full)
for refused in ({**full, "one": "more"}, {"k" * 65: "v"}, {"k": "v" * 513}):
    try:
        client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata=refused)
    except BadRequestError as error:
        print("refused:", error.status_code, error.param)
same = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
print("metadata kept:", same.metadata == full)
