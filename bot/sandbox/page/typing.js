// Who is typing: tells the others of this person, and shows who else is.

const SHOWN = 10000, AGAIN = 8000;

export class Typing {
  constructor(app) {
    this.app = app;
    this.others = new Map();
    this.toldAt = 0;
  }

  // Tell the others that this person types, at most every eight seconds.
  tell() {
    const now = Date.now();
    if (now - this.toldAt < AGAIN) return;
    this.toldAt = now;
    this.app.client.api("POST", `/channels/${this.app.state.current}/typing`).catch(() => {});
  }

  sent() { this.toldAt = 0; }

  heard(data) {
    if (data.channel_id !== this.app.state.current || data.user_id === this.app.state.person.id) return;
    this.others.set(data.user_id, Date.now() + SHOWN);
    this.draw();
    setTimeout(() => this.draw(), SHOWN + 100);
  }

  stopped(user) {
    this.others.delete(user);
    this.draw();
  }

  draw() {
    const names = [...this.others].filter(([, until]) => until > Date.now()).map(([id]) => this.app.state.names.user(id));
    document.getElementById("typing").textContent = names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  }
}
