// Counts reactions and votes as the gateway tells of them.

function found(app, data) {
  return app.state.messages.get(data.channel_id)?.find((one) => one.id === data.message_id);
}

export function reacted(app, data, by) {
  const message = found(app, data);
  if (!message) return;
  message.reactions ??= [];
  let one = message.reactions.find((each) => each.emoji.name === data.emoji.name);
  if (!one) message.reactions.push(one = { emoji: data.emoji, count: 0, me: false });
  one.count += by;
  if (data.user_id === app.state.person.id) one.me = by > 0;
  message.reactions = message.reactions.filter((each) => each.count > 0);
  app.redraw(message);
}

export function cleared(app, data, emoji) {
  const message = found(app, data);
  if (!message) return;
  message.reactions = emoji ? (message.reactions ?? []).filter((one) => one.emoji.name !== emoji) : [];
  app.redraw(message);
}

export function voted(app, data, by) {
  const message = found(app, data);
  const count = message?.poll?.results.answer_counts.find((one) => one.id === data.answer_id);
  if (!count) return;
  count.count += by;
  if (data.user_id === app.state.person.id) count.me_voted = by > 0;
  app.redraw(message);
}
