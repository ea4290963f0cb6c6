import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/formats/bytes.js";
import { decodeJson, encodeJson, type JsonValue, parseJson } from "../../src/formats/json.js";
import { caught, expectCode, expectErrorCode } from "../helpers/errors.js";

const text = (value: JsonValue): string => new TextDecoder().decode(encodeJson(value));
const decodeText = (json: string): JsonValue => decodeJson(utf8(json), "the test");

const utf8Text = (unicode: string): string => Buffer.from(unicode).toString();

/** Values that canonical JSON can hold. */
const values = fc.jsonValue({ maxDepth: 6, noUnicodeString: false }).filter((value) => {
  const refused = JSON.stringify(value, (key, member) =>
    key === "__proto__" || (Number.isInteger(member) && !Number.isSafeInteger(member)) ? undefined : member,
  );
  return refused === JSON.stringify(value) && !/\\ud[89a-f]/.test(refused ?? "");
}) as fc.Arbitrary<JsonValue>;

describe("canonical JSON (RFC 8785)", () => {
  it("writes the RFC's own examples", () => {
    // §3.2.2 and §3.2.3, leaving out the number beyond 2^53 (333333333.33333329 is kept).
    expect(
      text({
        // biome-ignore lint/correctness/noPrecisionLoss: as the RFC has it
        numbers: [333333333.33333329, 4.5, 2e-3, 0.000000000000000000000000001],
        string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        literals: [null, true, false],
      }),
    ).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const sorted = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const order = Object.keys(JSON.parse(text(sorted)) as object).map((key) => (sorted as never)[key]);
    // JSON.parse moves integer-like names first, so the text itself is looked at for the rest.
    expect(text(sorted).indexOf('"\\r"')).toBe(1);
    expect(order.length).toBe(7);
    expect([...text(sorted).matchAll(/":"([^"]*)"/g)].map((match) => match[1])).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
    expect(text([-0, 0, 1e-7, 1.5, 9007199254740991, -9007199254740991])).toBe(
      "[0,0,1e-7,1.5,9007199254740991,-9007199254740991]",
    );
  });

  it("decodes what it encodes, and accepts nothing else of the same value", () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = encodeJson(value);
        expect(text(decodeJson(encoded, "x"))).toBe(text(value));
        expect(JSON.parse(text(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    fc.assert(
      fc.property(values, fc.nat(), fc.constantFrom(" ", "\n", "\t", "0", ","), (value, at, noise) => {
        const canonical = text(value);
        const position = at % (canonical.length + 1);
        // Through UTF-8, in case a surrogate pair was cut in two.
        const mutated = utf8Text(canonical.slice(0, position) + noise + canonical.slice(position));
        try {
          expect(text(decodeText(mutated))).toBe(mutated);
        } catch (error) {
          expectErrorCode(error, "invalid-json");
        }
      }),
    );
  });

  it.each([
    ["white space", '{"a": 1}'],
    ["trailing white space", "1\n"],
    ["members out of order", '{"b":1,"a":2}'],
    ["a long number form", "1.0"],
    ["an exponent where none is needed", "1e3"],
    ["minus zero", "-0"],
    ["an escape that is not needed", '"\\u0041"'],
    ["an upper-case escape", '"\\u000F"'],
    ["an escaped slash", '"\\/"'],
    ["a byte order mark", "\ufeff1"],
    ["duplicate members", '{"a":1,"a":1}'],
    ["duplicates after unescaping", '{"a":1,"\\u0061":1}'],
    ["__proto__", '{"__proto__":1}'],
    ["an escaped __proto__", '{"__pr\\u006fto__":{}}'],
    ["a nested __proto__", '[{"a":{"__proto__":[]}}]'],
    ["an integer of 2^53", "9007199254740992"],
    ["an integer past 2^53 that a double cannot hold", "9007199254740993"],
    ["a negative one", "-9007199254740993"],
    ["a number that overflows", "1e400"],
    ["a number like 2^53 in other words", "9.007199254740992e15"],
    ["a lone high surrogate", '"\\ud800"'],
    ["a lone low surrogate", '"\\udc00"'],
    ["surrogates the wrong way round", '"\\udc00\\ud800"'],
    ["a lone surrogate in a name", '{"\\ud83d":1}'],
    ["nothing", ""],
    ["two values", "1 2"],
    ["a comment", "1//"],
    ["NaN", "NaN"],
  ])("refuses %s (I2)", async (_, json) => {
    await expectCode(() => decodeText(json), "invalid-json");
  });

  it("refuses bytes that are not UTF-8", async () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xe2, 0x82],
    ]) {
      await expectCode(() => decodeJson(Uint8Array.from(bytes), "x"), "invalid-json");
    }
  });

  it("allows a depth of 32 and refuses more, however deep, in bounded time", async () => {
    const nested = (depth: number, [open, close] = ["[", "]"]) => open.repeat(depth) + close.repeat(depth);
    expect(text(decodeText(nested(33)))).toBe(nested(33));
    for (const depth of [34, 1000, 1_000_000]) {
      await expectCode(() => decodeText(nested(depth)), "invalid-json");
      await expectCode(() => parseJson(nested(depth), "x"), "invalid-json");
      await expectCode(() => parseJson(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`, "x"), "invalid-json");
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    await expectCode(() => encodeJson(cycle as never), "invalid-json");
  });

  it("refuses values that JSON would bend", async () => {
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    const sparse = [, 1];
    const wrong: unknown[] = [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      -(2 ** 53),
      1e300,
      1n,
      Symbol("x"),
      () => 1,
      new Date(),
      new Map(),
      new Uint8Array(2),
      [undefined],
      sparse,
      new Array(2),
      { a: undefined },
      { a: { b: () => 1 } },
      JSON.parse('{"__proto__":1}'),
      { __proto__: { a: 1 } },
      Object.create({ inherited: 1 }),
      "\ud800",
      "a\udc00b",
      "\ud800\ud800\udc00",
      { "\udfff": 1 },
      new (class Named {
        a = 1;
      })(),
    ];
    for (const value of wrong) {
      expectErrorCode(await caught(() => encodeJson(value as never)), "invalid-json");
    }
    expect(text(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
    expect(text("\ud83d\ude00")).toBe('"😀"');
  });

  it("does not let JSON change a prototype", () => {
    const value = parseJson('{"constructor":{"prototype":{"polluted":1}}}', "x");
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe("JSON text by others", () => {
  it("may have any white space and order", () => {
    expect(parseJson(' { "b" : [ 1 , { "a" : "x\\":{\\"a" } ] ,\n"a":"{\\"b\\":1}" } ', "x")).toEqual({
      b: [1, { a: 'x":{"a' }],
      a: '{"b":1}',
    });
    fc.assert(
      fc.property(values, (value) => {
        const pretty = JSON.stringify(value, undefined, 3);
        expect(text(parseJson(pretty, "x"))).toBe(text(value));
      }),
    );
  });

  it.each([
    ["equal members", '{"a":1,"a":2}'],
    ["equal members after unescaping", '{"a":1, "\\u0061" :2}'],
    ["equal members of a nested object", '[{"x":{"d":1 , "e":{"d":3}, "d":2}}]'],
    ["equal members around a nested object with that name", '{"a":{"a":1},"b":[{"a":2}],"a":3}'],
    ["__proto__", '{"__proto__":{}}'],
    ["a number past 2^53", '{"n":9007199254740993}'],
    ["a lone surrogate", '["\\ud800"]'],
    ["no JSON", "{a:1}"],
  ])("is refused with %s (I2)", async (_, json) => {
    await expectCode(() => parseJson(json, "the key file"), "invalid-json");
  });

  it("may repeat a name where the objects differ", () => {
    expect(parseJson('{"a":{"a":{"a":[{"a":1},{"a":2}]}},"b":"a"}', "x")).toBeDefined();
    expect(parseJson('["a","a",{"a":"a"},"a"]', "x")).toBeDefined();
  });
});
