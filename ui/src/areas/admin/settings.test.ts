import { expect, test, vi } from "vitest";

vi.stubGlobal("navigator", { languages: ["en"] });
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
const { definitionOf, said } = await import("./settings");
const { allows, tagsOf } = await import("./shapes");

test("settings have the types that the API wants, and come back as they were", () => {
  const definition = { "message-ttl": 60000, "overflow": "reject-publish", "message-deduplication": true, "of-tomorrow": 3, "max-age": "7D" };
  expect(definitionOf(said(definition))).toEqual(definition);
});

test("a number that is none is refused with the name of its setting", () => {
  expect(() => definitionOf([{ key: "max-length", value: "" }])).toThrow("max-length");
});

test("patterns are looked for anywhere in a name, the empty one matches nothing", () => {
  expect([allows("", "q"), allows("rd", "orders"), allows("^rd", "orders"), allows("(", "q")]).toEqual([false, true, false, undefined]);
});

test("tags are a list, or text with commas", () => {
  expect([tagsOf({ tags: "a, b" }), tagsOf({ tags: ["a"] }), tagsOf({ tags: "" })]).toEqual([["a", "b"], ["a"], []]);
});
