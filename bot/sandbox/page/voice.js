// Voice messages: recorded with the microphone, or made of an audio file.

import { say } from "./words.js";

const VOICE = 1 << 13, BARS = 64;

// The length in seconds and the loudness over time, as Discord's apps send both with a recording.
async function measured(file) {
  const context = new AudioContext();
  try {
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const samples = sound.getChannelData(0);
    const size = Math.max(1, Math.floor(samples.length / BARS));
    const loud = Array.from({ length: BARS }, (_, bar) => samples.slice(bar * size, (bar + 1) * size).reduce((most, one) => Math.max(most, Math.abs(one)), 0));
    return { duration_secs: sound.duration, waveform: btoa(String.fromCharCode(...loud.map((one) => Math.round(Math.min(1, one) * 255)))) };
  } catch {
    throw new Error(say("The browser can't read this recording."));
  } finally {
    context.close();
  }
}

export async function postVoice(client, channel, file) {
  const attachment = { id: 0, filename: file.name, ...await measured(file) };
  const form = new FormData();
  form.append("payload_json", JSON.stringify({ flags: VOICE, attachments: [attachment] }));
  form.append("files[0]", file, file.name);
  return client.api("POST", `/channels/${channel}/messages`, form);
}

// The button records until it is pressed again.
export class Recorder {
  constructor(button, done, failed) {
    this.button = button;
    this.done = done;
    this.failed = failed;
    button.hidden = !window.MediaRecorder || !navigator.mediaDevices;
    button.addEventListener("click", () => (this.recorder ? this.recorder.stop() : this.start()));
  }

  async start() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      return this.failed(say("No microphone can be used. Attach a recording and press 🎤 beside its name."));
    }
    const parts = [];
    const kind = ["audio/ogg", "audio/webm", "audio/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    this.recorder = new MediaRecorder(stream, { mimeType: kind });
    this.recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    this.recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      this.recorder = null;
      this.button.setAttribute("aria-pressed", "false");
      this.done(new File(parts, `voice-message.${kind.slice(6)}`, { type: kind }));
    });
    this.recorder.start();
    this.button.setAttribute("aria-pressed", "true");
  }
}
