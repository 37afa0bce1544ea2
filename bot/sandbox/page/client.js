// Talks to the sandbox as Discord's own app would: REST with a person's token, and the gateway.

import { say } from "./words.js";

export class Refused extends Error {}

export class Client {
  constructor(welcome, person, onEvent, onState) {
    this.welcome = welcome;
    this.person = person;
    this.onEvent = onEvent;
    this.onState = onState;
    this.closed = false;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/gateway?v=10&encoding=json`);
    this.socket = socket;
    socket.onmessage = (frame) => this.receive(JSON.parse(frame.data));
    socket.onclose = (event) => {
      if (event.code === 4004) location.reload(); // another sandbox answers here now
      clearInterval(this.heart);
      if (this.closed) return;
      this.onState("reconnecting…");
      setTimeout(() => this.connect(), 1000);
    };
  }

  receive(frame) {
    if (frame.op === 10) {
      this.heart = setInterval(() => this.send(1, null), frame.d.heartbeat_interval);
      this.send(2, { token: this.person.token, properties: {}, intents: 0 });
    } else if (frame.op === 9) {
      this.socket.close();
    } else if (frame.op === 0) {
      if (frame.t === "READY") this.onState("");
      this.onEvent(frame.t, frame.d);
    }
  }

  send(op, d) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ op, d }));
  }

  close() {
    this.closed = true;
    clearInterval(this.heart);
    this.socket.close();
  }

  async ask(method, path, body) {
    const options = { method, headers: { Authorization: this.person.token } };
    if (body instanceof FormData) options.body = body;
    else if (body !== undefined) {
      options.body = JSON.stringify(body);
      options.headers["Content-Type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Refused(say("The sandbox does not answer."));
    }
    const text = await response.text();
    const answer = text ? JSON.parse(text) : null;
    if (!response.ok) throw new Refused(first(answer) ?? `${response.status}`);
    return answer;
  }

  api(method, path, body) {
    return this.ask(method, "/api/v10" + path, body);
  }

  act(name, body) {
    return this.ask("POST", "/page/act/" + name, body);
  }

  post(channel, content, files, replyTo) {
    const body = { content };
    if (replyTo) body.message_reference = { message_id: replyTo };
    if (!files.length) return this.api("POST", `/channels/${channel}/messages`, body);
    const form = new FormData();
    form.append("payload_json", JSON.stringify(body));
    files.forEach((file, number) => form.append(`files[${number}]`, file, file.name));
    return this.api("POST", `/channels/${channel}/messages`, form);
  }
}

function first(answer) {
  if (!answer) return null;
  const walk = (node) => {
    if (Array.isArray(node?._errors)) return node._errors[0].message;
    for (const child of Object.values(node ?? {})) {
      const found = typeof child === "object" ? walk(child) : null;
      if (found) return found;
    }
    return null;
  };
  return walk(answer.errors) ?? answer.message;
}
