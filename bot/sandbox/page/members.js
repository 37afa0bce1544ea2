// The list of members at the right: who is online, who is not.

import { element } from "./markdown.js";
import { avatar, name } from "./parts.js";
import { say } from "./words.js";

export function drawMembers(app) {
  const { state } = app;
  const people = [...state.users.values()].sort((a, b) => name(a).localeCompare(name(b)));
  const online = (user) => state.present.get(user.id) === "online";
  const row = (user) => element("li", { class: online(user) ? "" : "away" },
    element("span", { class: "face" }, avatar(user), element("span", { class: "dot" })),
    element("span", { class: "author" }, name(user)), user.bot ? element("span", { class: "tag" }, "APP") : null,
    element("span", { class: "hidden" }, say(online(user) ? "online" : "offline")));
  const group = (title, list) => (list.length ? [element("h3", {}, `${title} — ${list.length}`), element("ul", {}, ...list.map(row))] : []);
  document.getElementById("members").replaceChildren(...group(say("Online"), people.filter(online)), ...group(say("Offline"), people.filter((one) => !online(one))));
}
