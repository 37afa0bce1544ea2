// What a demo adds to the page: prepared questions, the tour, the choice of a model, the kill.

import { FORUMS } from "./channels.js";
import { element } from "./markdown.js";
import { working } from "./parts.js";
import { LANGUAGE } from "./words.js";

const $ = (id) => document.getElementById(id);
const said = (texts) => texts[LANGUAGE];
const WORDS = LANGUAGE === "ja"
  ? { next: "次へ", back: "戻る", end: "終了", done: "完了！", step: (at, all) => `ステップ ${at} / ${all}`, begin: (all) => `ツアーを始める（${all}ステップ）`, loading: "モデルを読み込んでいます…", finished: "ツアーは以上です。自由に試してください。" }
  : { next: "Next", back: "Back", end: "End the tour", done: "Done!", step: (at, all) => `Step ${at} of ${all}`, begin: (all) => `Take the tour (${all} steps)`, loading: "Loading the model…", finished: "That was the tour. Try anything you like." };

export class DemoPanel {
  constructor(app, parts) {
    this.app = app;
    this.parts = parts;
    this.at = -1;
    this.forget();
    if (!parts) return;
    $("models").hidden = false;
    $("model").replaceChildren(...parts.models.map((one) => element("option", { value: one.id }, said(one.label))));
    $("model").addEventListener("change", () => this.choose($("model").value));
    $("tour-open").hidden = !parts.tour.length;
    $("tour-open").addEventListener("click", () => this.go(0));
    this.update(parts);
  }

  update(parts) {
    this.parts = parts;
    $("model").value = parts.model;
    $("scripted").hidden = !parts.scripted;
    if (this.begin) this.begin.hidden = !parts.scripted; // the tour's questions are those of the script
  }

  // What answers, in the visitor's language.
  get text() { return this.parts && said(this.parts.model_text); }

  // Nothing of the present step was seen yet.
  forget() {
    this.thread = null;
    this.cancelled = this.gone = this.done = false;
  }

  async choose(model) {
    $("model").disabled = true;
    this.app.status({ model: WORDS.loading });
    const parts = await this.app.attempt(this.app.client.act("demo", { name: "model", value: model }));
    this.app.status({ model: "" });
    $("model").disabled = false;
    this.update(parts ?? this.parts);
    if (parts) this.app.showWelcome(said(parts.model_text));
  }

  opened() {
    if (this.parts && !this.spoken) this.spoken = this.app.attempt(this.app.client.act("demo", { name: "language", value: LANGUAGE }));
    const chips = (this.parts?.chips ?? []).filter((one) => one.channel_id === this.app.state.current);
    $("chips").hidden = !chips.length;
    $("chips").replaceChildren(...chips.map((one) => element("button", { type: "button", onclick: () => this.app.attempt(this.ask(one)) }, (one.files.length ? "📎 " : "") + said(one.text))));
    if (this.parts?.tour.length && !this.begin) {
      this.begin = element("button", { type: "button", class: "go", onclick: () => this.go(0) }, WORDS.begin(this.parts.tour.length));
      $("welcome-text").after(this.begin);
      this.update(this.parts);
    }
    this.observe();
  }

  async ask({ channel_id: channel, text: texts, files, message_id: replied }) {
    const { app } = this;
    const text = said(texts);
    await app.open(channel, true);
    const asked = app.encodedForBot(text);
    if (FORUMS.includes(app.state.channels.get(channel).type)) return app.newPost(`${text}\n${asked}`);
    const posted = await app.client.post(channel, asked, files.map((one) => new File([said(one.text)], said(one.name), { type: "text/plain" })), replied);
    return posted.id;
  }

  go(at) {
    this.at = at;
    this.forget();
    $("tour").hidden = at < 0;
    if (at >= 0) {
      $("welcome").hidden = true;
      this.draw();
      $("tour").querySelector(".does")?.focus();
    }
  }

  draw() {
    const { tour } = this.parts;
    const step = tour[this.at];
    const button = (label, act, more = {}) => element("button", { type: "button", onclick: act, ...more }, label);
    const last = this.at === tour.length - 1;
    $("tour").replaceChildren(
      element("div", { class: "note" }, WORDS.step(this.at + 1, tour.length)),
      element("h3", {}, said(step.title)), element("p", {}, said(step.text)),
      element("div", { class: "row" }, ...step.buttons.map((one) => button(said(one.label), () => this.does(one), { class: "does s1", "data-does": one.does }))),
      element("p", { role: "status", class: "done" }, this.done ? WORDS.done + (last ? " " + WORDS.finished : "") : ""),
      element("div", { class: "ends" }, button(WORDS.end, () => this.go(-1)), this.at ? button(WORDS.back, () => this.go(this.at - 1)) : null,
        last ? null : button(WORDS.next, () => this.go(this.at + 1), { class: this.done ? "go" : "" })));
  }

  async does(one) {
    const { app } = this;
    if (one.does === "kill") {
      await app.attempt(app.client.act("demo", { name: "kill" }));
    } else if (one.does === "cancel" || one.does === "approve") {
      const wanted = one.does === "cancel" ? "cancel:" : "tools:once:";
      [...$("messages").querySelectorAll(`[data-custom^='${wanted}']`)].at(-1)?.click();
    } else {
      this.forget();
      this.draw();
      // The channel thread of a question has the question's id.
      this.thread = await app.attempt(this.ask(one));
      this.appeared(app.state.channels.get(this.thread));
    }
  }

  appeared(channel) {
    if (this.at >= 0 && channel && channel.id === this.thread && this.app.state.current !== channel.id) this.app.open(channel.id);
  }

  present(status) {
    if (status === "offline" && this.thread) this.gone = true;
  }

  pressed(custom) {
    if (custom?.startsWith("cancel:")) this.cancelled = true;
  }

  // Look whether the step of the tour is done: its answer is complete, and what belongs to it happened.
  observe() {
    if (this.at < 0 || this.done || !this.thread) return;
    const bot = this.app.welcome.bot.id;
    const replies = (this.app.state.messages.get(this.thread) ?? []).filter((one) => one.author.id === bot);
    if (!replies.some((one) => one.edited_timestamp) || replies.some(working)) return;
    const { until } = this.parts.tour[this.at];
    this.done = until === "answer" || (until === "cancelled" && this.cancelled) || (until === "recovered" && this.gone);
    if (this.done) this.draw();
  }
}
