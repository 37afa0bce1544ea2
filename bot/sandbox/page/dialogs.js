// Dialogs: the modals that the bot opens, a choice out of a list, and the panel of troubles.

import { element, render } from "./markdown.js";
import { choices } from "./components.js";
import { say } from "./words.js";

const TEXT_DISPLAY = 10, TEXT_INPUT = 4, FILE_UPLOAD = 19, RADIO = 21, CHECKBOXES = 22, CHECKBOX = 23, PARAGRAPH = 2;

export function openModal(modal, app, submit) {
  const dialog = document.getElementById("modal");
  const form = element("form", { method: "dialog" }, element("h2", { id: "modal-title" }, modal.title));
  const fields = [];
  for (const row of modal.components) {
    if (row.type === TEXT_DISPLAY) {
      form.append(element("div", { class: "content" }, render(row.content, app.state.names)));
      continue;
    }
    const field = row.component ?? row.components[0];
    const id = `field-${field.id}`;
    form.append(element("label", { for: id, id: `${id}-label` }, (row.label ?? field.label ?? "") + (field.required ? " *" : "")));
    if (row.description) form.append(element("p", { class: "note" }, row.description));
    const [node, read] = draw(field, id, app);
    fields.push([field, read]);
    form.append(node);
  }
  const problem = element("p", { role: "alert", class: "note" });
  const cancel = element("button", { type: "button", onclick: () => dialog.close() }, say("Cancel"));
  form.append(problem, element("div", { class: "ends" }, cancel, element("button", { class: "go" }, say("Submit"))));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const values = {};
      for (const [field, read] of fields) values[field.custom_id] = await read();
      await submit(values);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}

// A field's node, and how its value is read when the modal is submitted.
function draw(field, id, app) {
  if (field.type === TEXT_INPUT) {
    const limits = { id, minlength: field.min_length, maxlength: field.max_length, required: field.required, placeholder: field.placeholder };
    const input = field.style === PARAGRAPH ? element("textarea", { ...limits, rows: 4 }) : element("input", limits);
    input.value = field.value ?? "";
    return [input, () => input.value];
  }
  if (field.type === FILE_UPLOAD) {
    const input = element("input", { id, type: "file", multiple: field.max_values > 1 });
    return [input, () => Promise.all([...input.files].map(packed))];
  }
  if (field.type === CHECKBOX) {
    const input = element("input", { id, type: "checkbox", checked: field.default });
    return [element("label", { class: "choice" }, input), () => input.checked];
  }
  if (field.type === RADIO || field.type === CHECKBOXES) {
    const type = field.type === RADIO ? "radio" : "checkbox";
    const inputs = field.options.map((one) => element("input", { type, name: id, value: one.value, checked: one.default }));
    const labels = field.options.map((one, index) => element("label", {}, inputs[index], one.label, one.description ? element("span", { class: "note" }, one.description) : null));
    const chosen = () => inputs.filter((one) => one.checked).map((one) => one.value);
    return [element("fieldset", { id, "aria-labelledby": `${id}-label` }, ...labels), () => (field.type === RADIO ? chosen()[0] ?? null : chosen())];
  }
  const menu = element("select", { id, multiple: field.max_values > 1 });
  if (!field.required && field.max_values === 1) menu.append(element("option", { value: "" }, "—"));
  for (const [value, label, chosen] of choices(field, app)) menu.append(element("option", { value, selected: chosen }, label));
  return [menu, () => [...menu.selectedOptions].map((one) => one.value).filter(Boolean)];
}

// A file as the page sends it inside JSON: its name and its bytes in base64.
export async function packed(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { name: file.name, data: btoa(text) };
}

export function openChoice(title, options, pick) {
  const dialog = document.getElementById("modal");
  const buttons = options.map(([label, value]) => element("button", { type: "button", onclick: () => { dialog.close(); pick(value); } }, label));
  const empty = options.length ? null : element("p", { class: "note" }, say("There is nothing to choose."));
  dialog.replaceChildren(element("h2", { id: "modal-title" }, title), element("div", { class: "list" }, ...buttons), empty,
    element("div", { class: "ends" }, element("button", { type: "button", onclick: () => dialog.close() }, say("Cancel"))));
  dialog.showModal();
}

export function openTroubles(actions, perform) {
  const dialog = document.getElementById("troubles");
  const outcome = element("p", { role: "status", class: "note" });
  const rows = actions.map((action) => {
    const number = action.number ? element("input", { type: "number", min: "0", value: action.default, "aria-label": `${action.label}: ${action.number}` }) : null;
    const go = element("button", { type: "button", onclick: async () => {
      try {
        await perform(action.name, number ? Number(number.value) : 0);
        outcome.textContent = `Done: ${action.label}.`;
      } catch (error) {
        outcome.textContent = error.message;
      }
    } }, action.label);
    return element("div", { class: "trouble" }, go, number, number ? element("span", {}, action.number) : null);
  });
  const close = element("button", { type: "button", class: "go", onclick: () => dialog.close() }, say("Close"));
  dialog.replaceChildren(
    element("h2", { id: "troubles-title" }, "Troubles for the bot"),
    element("p", { class: "note" }, "What Discord can do to a bot on a bad day."),
    ...rows, outcome, element("div", { class: "ends" }, close));
  dialog.showModal();
}
