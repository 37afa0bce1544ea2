// Members, roles and channels by name: what pickers and menus offer, and how names become mentions.

const USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, MOST = 12;

export function targets(state, kind) {
  const { users, roles, channels } = state;
  if (kind === USER) return [...users.values()].map((one) => [one.id, "@" + (one.global_name ?? one.username)]);
  if (kind === ROLE) return [...roles.values()].map((one) => [one.id, "@" + one.name.replace(/^@/, "")]);
  if (kind === CHANNEL) return [...channels.values()].filter((one) => one.name).map((one) => [one.id, "#" + one.name]);
  if (kind === MENTIONABLE) return [...targets(state, USER), ...targets(state, ROLE)];
  return null;
}

// The names with the mentions that they stand for, the longest first: "@Ada Lovelace" is not "@Ada".
function mentions(app) {
  const { state } = app;
  const people = [...targets(state, USER), [app.welcome.bot.id, "@" + app.welcome.bot.name]].map(([id, name]) => [name, `<@${id}>`]);
  const roles = [...state.roles.values()].filter((one) => one.mentionable && !one.managed).map((one) => ["@" + one.name, `<@&${one.id}>`]);
  const channels = targets(state, CHANNEL).map(([id, name]) => [name, `<#${id}>`]);
  return [...people, ...roles, ...channels].sort((a, b) => b[0].length - a[0].length);
}

// A text as it is sent: names that the person wrote become mentions, but not inside of code.
export function encoded(app, text) {
  const found = mentions(app);
  const mention = (part) => {
    let out = "";
    for (let at = 0; at < part.length;) {
      const rest = part.slice(at);
      const starts = (part[at] === "@" || part[at] === "#") && !/[\w<]/.test(part[at - 1] ?? "");
      const hit = starts && found.find(([name]) => rest.toLowerCase().startsWith(name.toLowerCase()) && !/[\w-]/.test(rest[name.length] ?? ""));
      out += hit ? hit[1] : part[at];
      at += hit ? hit[0].length : 1;
    }
    return out;
  };
  return text.split(/(```[\s\S]*?```|`[^`\n]*`)/).map((part, index) => (index % 2 ? part : mention(part))).join("");
}

// What "@" or "#" with some letters, right before the cursor, can become; nothing once it is whole.
export function offered(app, text) {
  const [, begun] = /(?:^|\s)([@#][^\s@#]*)$/.exec(text) ?? [];
  if (!begun) return [];
  const wanted = begun.toLowerCase();
  const names = [...new Set(mentions(app).map(([name]) => name))].sort((a, b) => a.localeCompare(b));
  const found = names.filter((name) => name.toLowerCase().startsWith(wanted));
  if (found.some((name) => name.toLowerCase() === wanted)) return [];
  return found.slice(0, MOST).map((name) => [name, begun.length]);
}
