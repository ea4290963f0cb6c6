import type { RangeAnswer, RangeQuestion } from "./forward.js";
import type { RangePort } from "./port.js";
import type { ServedContent } from "./served-content.js";

/** One listener for all that a page serves through one port: so each question gets one answer. */
class RangeDesk {
  readonly #port: RangePort;
  readonly #served = new Map<string, ServedContent>();

  constructor(port: RangePort) {
    this.#port = port;
  }

  add(id: string, content: ServedContent): void {
    this.#served.set(id, content);
    if (this.#served.size > 1) return;
    this.#port.addEventListener("message", this.#onMessage);
    this.#port.start?.();
    this.#port.startMessages?.();
  }

  remove(id: string): void {
    this.#served.delete(id);
    if (this.#served.size === 0) this.#port.removeEventListener("message", this.#onMessage);
  }

  /** Other messages on the port are others'. */
  readonly #onMessage = ({ data, ports: [reply] }: MessageEvent<RangeQuestion | undefined>): void => {
    if (data?.blindreel !== "range" || !reply) return;
    const content = this.#served.get(data.id);
    if (content) {
      // Browsers stop a worker that hears nothing for half a minute, also in the middle of a body.
      content.answer(data, reply, () => this.#port.controller?.postMessage({ blindreel: "alive" }));
    } else {
      reply.postMessage({ absent: true } satisfies RangeAnswer);
      reply.close();
    }
  };
}

const DESKS = /* @__PURE__ */ new WeakMap<RangePort, RangeDesk>();

export function deskOf(port: RangePort): RangeDesk {
  const desk = DESKS.get(port) ?? new RangeDesk(port);
  DESKS.set(port, desk);
  return desk;
}
