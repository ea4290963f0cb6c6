import { importRecipient, type OkpJwk } from "blindreel";
import { startRecording } from "blindreel/recording";
import { indexedDbJournal } from "blindreel/storage";

/** As `capture` gives them: 1280 × 720 and 1920 × 1080 at 1.2 bits per pixel and second, sound at 48 kbit/s; a unit every two seconds. */
const RATES = { camera: (1_106_000 + 48_000) / 8, screen: 2_488_000 / 8 };
const UNIT = 2;

async function replay(key: object, seconds: number) {
  let longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  }).observe({ type: "longtask" });
  const recording = await startRecording({
    to: await importRecipient(key as OkpJwk),
    journal: indexedDbJournal(),
    label: "bench",
    checkpointEvery: 1000,
  });
  const uploading = recording.upload(async (name, bytes) => {
    const response = await fetch(`/${name}`, { method: "PUT", body: new Blob([bytes]) });
    if (!response.ok) throw new Error(`${response.status}`);
  });
  const heap: string[] = [];
  const memory = (): number =>
    (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
  let bytes = 0;
  for (let time = 0; time < seconds; time += UNIT) {
    for (const [name, rate] of Object.entries(RATES)) {
      const unit = new Uint8Array(Math.round(rate * UNIT));
      for (let start = 0; start < unit.length; start += 65_536)
        crypto.getRandomValues(unit.subarray(start, start + 65_536));
      bytes += unit.length;
      const track = recording.track(name);
      await track.write(unit, { startsSegment: time % 10 === 0 });
    }
    if (time % 10 === 0)
      await recording.track("events").write(`${JSON.stringify({ at: time, type: "focus-lost" })}\n`);
    if (recording.unacknowledgedBytes > 32e6)
      while (recording.unacknowledgedBytes > 8e6) await new Promise((resolve) => setTimeout(resolve, 20));
    if ((time + UNIT) % Math.max(UNIT, Math.floor(seconds / 10 / UNIT) * UNIT) === 0)
      heap.push((memory() / 1e6).toFixed(0));
  }
  await recording.finish("submitted");
  await uploading;
  return { longest, heap, bytes };
}

Object.assign(globalThis, { replay });
