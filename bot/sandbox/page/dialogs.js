// The modals that the bot opens, and the panel of troubles.

import { element } from "./markdown.js";
import { choices } from "./message.js";

export function openModal(modal, app, submit) {
  const dialog = document.getElementById("modal");
  const form = element("form", { method: "dialog" }, element("h2", { id: "modal-title" }, modal.title));
  const fields = [];
  for (const row of modal.components) {
    if (row.type === 10) {
      form.append(element("p", {}, row.content));
      continue;
    }
    const field = row.component ?? row.components[0];
    const id = `field-${field.id}`;
    form.append(element("label", { for: id }, (row.label ?? field.label ?? "") + (field.required ? " *" : "")));
    if (row.description) form.append(element("p", { class: "note" }, row.description));
    fields.push([field, draw(field, id, app)]);
    form.append(fields.at(-1)[1]);
  }
  const problem = element("p", { role: "alert", class: "note" });
  const cancel = element("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  form.append(problem, element("div", { class: "ends" }, cancel, element("button", { class: "go" }, "Submit")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = {};
    for (const [field, input] of fields) {
      values[field.custom_id] = input.tagName === "SELECT" ? [...input.selectedOptions].map((one) => one.value) : input.value;
    }
    try {
      await submit(values);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}

function draw(field, id, app) {
  if (field.type !== 4) {
    const menu = element("select", { id, multiple: field.max_values > 1 });
    for (const [value, label, chosen] of choices(field, app)) menu.append(element("option", { value, selected: chosen }, label));
    return menu;
  }
  const limits = { id, minlength: field.min_length, maxlength: field.max_length, required: field.required, placeholder: field.placeholder };
  const input = field.style === 2 ? element("textarea", { ...limits, rows: 4 }) : element("input", limits);
  input.value = field.value ?? "";
  return input;
}

export function openTroubles(actions, perform) {
  const dialog = document.getElementById("troubles");
  const told = element("p", { role: "status", class: "note" });
  const rows = actions.map((action) => {
    const number = action.number ? element("input", { type: "number", min: "0", value: action.default, "aria-label": `${action.label}: ${action.number}` }) : null;
    const go = element("button", { type: "button", onclick: async () => {
      try {
        await perform(action.name, number ? Number(number.value) : 0);
        told.textContent = `Done: ${action.label}.`;
      } catch (error) {
        told.textContent = error.message;
      }
    } }, action.label);
    return element("div", { class: "trouble" }, go, number, number ? element("span", {}, action.number) : null);
  });
  const close = element("button", { type: "button", class: "go", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    element("h2", { id: "troubles-title" }, "Troubles for the bot"),
    element("p", { class: "note" }, "What Discord can do to a bot on a bad day."),
    ...rows, told, element("div", { class: "ends" }, close));
  dialog.showModal();
}
