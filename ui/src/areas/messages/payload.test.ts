import { expect, test } from "vitest";
import { bytesOf, hexLines, isCut, pieces, prettyJson, preview } from "./payload";

const text = (payload: string, payload_bytes = payload.length) => ({ payload, payload_encoding: "string" as const, payload_bytes });

test("JSON is set out as people read it, and a long number keeps its digits", () => {
  expect(prettyJson('{"id":12345678901234567890,"a":[1,{"b":"x,y"}],"e":{},"f":[]}')).toBe(
    '{\n  "id": 12345678901234567890,\n  "a": [\n    1,\n    {\n      "b": "x,y"\n    }\n  ],\n  "e": {},\n  "f": []\n}',
  );
});

test("what is no JSON is not set out", () => {
  expect([prettyJson("hello"), prettyJson("{broken"), prettyJson(""), prettyJson("12")]).toEqual(Array(4).fill(undefined));
});

test("pieces are the whole text, with keys, texts, numbers and words told apart", () => {
  const json = '{\n  "a": "b: \\"c\\"",\n  "n": -1.5e3,\n  "t": true,\n  "z": null\n}';
  const found = pieces(json);
  expect(found.map((piece) => piece.text).join("")).toBe(json);
  expect(found.filter((p) => p.kind !== "mark").map((p) => [p.kind, p.text])).toEqual([
    ["key", '"a"'], ["string", '"b: \\"c\\""'], ["key", '"n"'], ["number", "-1.5e3"],
    ["key", '"t"'], ["word", "true"], ["key", '"z"'], ["word", "null"],
  ]);
});

test("bytes are shown as bytes", () => {
  const lines = hexLines(bytesOf({ payload: "AAECQQ==", payload_encoding: "base64", payload_bytes: 4 }));
  expect(lines).toEqual([{ at: "000000", hex: "00 01 02 41".padEnd(47), text: "···A" }]);
});

test("a preview is one line, and says whether there is more", () => {
  expect(preview(text("a\n  b"))).toBe("a b");
  expect(preview({ payload: "AAE=", payload_encoding: "base64", payload_bytes: 2 })).toBe("00 01");
  expect([isCut(text("ab", 5)), isCut(text("ü", 2))]).toEqual([true, false]);
});
