// The frame of the page: light or dark, the list of members, the keyboard in the list of messages.

const $ = (id) => document.getElementById(id);

export function frame(messages) {
  $("theme").addEventListener("click", () => turn());
  $("people").addEventListener("click", () => showPeople($("members").hidden));
  const wide = matchMedia("(min-width: 1000px)");
  wide.addEventListener("change", () => showPeople(wide.matches));
  showPeople(wide.matches);
  turn(localStorage.getItem("theme"));
  messages.addEventListener("keydown", walk);
}

// Light or dark: as the system has it, until the person chooses.
function turn(theme) {
  const dark = (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const wanted = theme === undefined ? (dark ? "light" : "dark") : theme;
  if (!wanted) return;
  document.documentElement.dataset.theme = wanted;
  localStorage.setItem("theme", wanted);
}

function showPeople(shown) {
  $("members").hidden = !shown;
  $("people").setAttribute("aria-expanded", String(shown));
}

// The arrow keys go from message to message; Tab then reaches what can be done with one.
function walk(event) {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown" || event.altKey) return;
  const all = [...$("messages").querySelectorAll(".message")];
  const at = all.indexOf(document.activeElement.closest(".message"));
  const next = at < 0 ? all.at(-1) : all[at + (event.key === "ArrowUp" ? -1 : 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
