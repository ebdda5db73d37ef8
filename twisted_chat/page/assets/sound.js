/** A short sound, made here: there is no file to load. */

/** Two tones: hertz, and when each begins, in seconds. */
const TONES = /** @type {const} */ ([[660, 0], [880, 0.12]]);

/** Milliseconds between two sounds, at least: a storm of texts is one. */
const PAUSE = 1_500;

/** @type {AudioContext | null} */
let context = null;
let last = -PAUSE;

/** Sound, where the browser lets a page: it has to have been touched before. */
export function chime() {
  const now = performance.now();
  if (now - last < PAUSE || !("AudioContext" in window)) return;
  last = now;
  try {
    context ??= new AudioContext();
    void context.resume();
    for (const [pitch, after] of TONES) tone(context, pitch, context.currentTime + after);
  } catch {
    // No sound is to be had here.
  }
}

/** @param {AudioContext} on @param {number} pitch @param {number} at */
function tone(on, pitch, at) {
  const source = on.createOscillator();
  const volume = on.createGain();
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.08, at + 0.015);
  volume.gain.exponentialRampToValueAtTime(0.0005, at + 0.25);
  source.connect(volume).connect(on.destination);
  source.start(at);
  source.stop(at + 0.3);
}
