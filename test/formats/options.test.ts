import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  asGiven,
  type Checks,
  countArgument,
  dateArgument,
  flagArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../../src/formats/options.js";
import { wellFormedText } from "../../src/formats/text.js";
import { expectOutOfRange, expectWrongType } from "../helpers/errors.js";

interface Options {
  readonly to: string;
  readonly size?: number;
  readonly isDone?: boolean;
}

const CHECKS: Checks<Options> = { to: wellFormedText, size: countArgument, isDone: flagArgument };
const read = (given: unknown) => readOptions<Options>("options", given, CHECKS, ["to"]);

describe("readOptions", () => {
  it("reads every member exactly once, own, inherited or computed, and nothing else", () => {
    const reads: string[] = [];
    const given = {
      get to() {
        reads.push("to");
        return "a";
      },
      get size() {
        reads.push("size");
        return 5;
      },
    };
    expect({ ...read(given) }).toEqual({ to: "a", size: 5 });
    expect(reads).toEqual(["to", "size"]);
    expect({ ...read(Object.create(given)) }).toEqual({ to: "a", size: 5 });
    const counting = new Proxy(
      { to: "a" },
      {
        get(target, name) {
          reads.push(String(name));
          return Reflect.get(target, name);
        },
      },
    );
    reads.length = 0;
    read(counting);
    expect(reads.filter((name) => name in CHECKS)).toEqual(["to", "size", "isDone"]);
    class Settings {
      readonly to = "a";
      get size() {
        return 7;
      }
    }
    expect({ ...read(new Settings()) }).toEqual({ to: "a", size: 7 });
  });

  it("takes undefined for left out, and null for wrong", async () => {
    expect({ ...read({ to: "a", size: undefined }) }).toEqual({ to: "a" });
    await expectWrongType(() => read({ to: null }));
    await expectOutOfRange(() => read({ to: "a", size: null }));
    await expectWrongType(() => read({ to: "a", isDone: 1 }));
  });

  it("refuses members that there are not by name, own or inherited, whatever they hold", async () => {
    for (const given of [
      { to: "a", sise: 1 },
      { to: "a", sise: undefined },
      Object.assign(Object.create({ sise: 1 }), { to: "a" }),
    ]) {
      const { message } = await expectWrongType(() => read(given));
      expect(message).toBe("options.sise must be left out: there is only to, size, isDone");
    }
    const { message } = await expectWrongType(() =>
      read({
        to: "a",
        get sise(): never {
          throw new Error("nobody reads it");
        },
      }),
    );
    expect(message).toContain("options.sise");
  });

  it("refuses what is no object of options", async () => {
    const wrong = [
      null,
      5,
      "to",
      true,
      [],
      () => {},
      new Map([["to", "a"]]),
      new Set(),
      new Date(),
      Promise.resolve({ to: "a" }),
    ];
    for (const given of [...wrong, new Uint8Array(2), Symbol("to")]) {
      const { message } = await expectWrongType(() => read(given));
      expect(message).toMatch(/^options must be an object of options, got /);
    }
    const missing = await expectWrongType(() => read(undefined));
    expect(missing.message).toBe("options must be an object of options, got undefined");
    const incomplete = await expectWrongType(() => read({}));
    expect(incomplete.message).toBe("options.to must be a string, got undefined");
  });

  it("may be left out where nothing is required", () => {
    const all = readOptions<{ size?: number }>("options", undefined, { size: countArgument });
    // Every member is there: a copy of it takes none from a polluted Object.prototype (fault O8).
    expect(Object.entries(all)).toEqual([["size", undefined]]);
  });

  it("takes options of another realm, a module's, and those without a prototype", () => {
    expect({ ...read(runInNewContext('({ to: "a", size: 1 })')) }).toEqual({ to: "a", size: 1 });
    expect({ ...read(runInNewContext('Object.create({ to: "a", size: 1 })')) }).toEqual({ to: "a", size: 1 });
    expect({ ...read(Object.assign(Object.create(null), { to: "a" })) }).toEqual({ to: "a" });
    const module = Object.defineProperty(
      Object.assign(Object.create(null), { to: "a" }),
      Symbol.toStringTag,
      {
        value: "Module",
      },
    );
    expect({ ...read(module) }).toEqual({ to: "a" });
  });

  it("does not take what somebody put on Object.prototype, and has none of it in what it returns", () => {
    const root = Object.prototype as Record<string, unknown>;
    try {
      root.isDone = true;
      root.sise = 1;
      const options = read({ to: "a" });
      expect(options.isDone).toBeUndefined();
      expect(read({ to: "a", isDone: false }).isDone).toBe(false);
      expect(read(Object.create({ to: "a", isDone: false })).isDone).toBe(false);
    } finally {
      delete root.isDone;
      delete root.sise;
    }
  });
});

describe("checks of options", () => {
  it("dates are copied, of any realm, and valid", async () => {
    const date = new Date(5000);
    const copy = dateArgument("now", date);
    date.setTime(0);
    expect(copy).toEqual(new Date(5000));
    const foreign = dateArgument("now", runInNewContext("new Date(7000)"));
    expect(foreign).toBeInstanceOf(Date);
    expect(foreign.getTime()).toBe(7000);
    for (const wrong of [0, "2026-01-01", null, {}, Object.create(Date.prototype)]) {
      await expectWrongType(() => dateArgument("now", wrong));
    }
    await expectOutOfRange(() => dateArgument("now", new Date(Number.NaN)));
  });

  it("signals that are no platform's are followed by ours, one for one", async () => {
    const { signal } = new AbortController();
    expect(signalArgument("signal", signal)).toBe(signal);
    // A signal of a polyfill, or of an older jsdom: an event target, and no more.
    class Foreign extends EventTarget {
      aborted = false;
      reason: unknown;
      abort(reason: unknown): void {
        this.aborted = true;
        this.reason = reason;
        this.dispatchEvent(new Event("abort"));
      }
    }
    const foreign = new Foreign();
    const own = signalArgument("signal", foreign);
    expect(own).toBeInstanceOf(AbortSignal);
    expect(signalArgument("signal", foreign)).toBe(own);
    expect(own.aborted).toBe(false);
    foreign.abort("enough");
    expect([own.aborted, own.reason]).toEqual([true, "enough"]);
    const late = new Foreign();
    late.abort("before");
    expect(signalArgument("signal", late).reason).toBe("before");
    for (const wrong of [null, {}, { aborted: true }, new EventTarget(), "abort"]) {
      await expectWrongType(() => signalArgument("signal", wrong));
    }
  });

  it("counts, flags, functions and text are what they say", async () => {
    expect(countArgument("n", 2 ** 53 - 1)).toBe(2 ** 53 - 1);
    for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN, "1", 1n, null]) {
      await expectOutOfRange(() => countArgument("n", wrong));
    }
    for (const wrong of [0, "true", null, {}]) await expectWrongType(() => flagArgument("isDone", wrong));
    await expectWrongType(() => functionArgument("fetch", {}));
    expect(asGiven("x", 5)).toBe(5);
    expect(wellFormedText("name", "a\u{1f600}")).toBe("a\u{1f600}");
    for (const wrong of ["\ud83d", "a\ude00b", "\ude00\ud83d"]) {
      const { message } = await expectOutOfRange(() => wellFormedText("name", wrong));
      expect(message).toBe("name must be well-formed text, got half of a surrogate pair");
    }
    await expectWrongType(() => wellFormedText("name", 5));
  });
});
