// Who is typing: tells the others of this person, and shows who else is.

const SHOWN = 10000, AGAIN = 8000;

export class Typing {
  constructor(app) {
    this.app = app;
    this.others = new Map();
    this.told = 0;
  }

  tell() {
    const now = Date.now();
    if (now - this.told < AGAIN) return;
    this.told = now;
    this.app.client.api("POST", `/channels/${this.app.state.current}/typing`).catch(() => {});
  }

  sent() { this.told = 0; }

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
