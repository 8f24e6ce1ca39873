import { expect, test } from "vitest";
import { match } from "./match";

const order = (typed: string, ...names: string[]): string[] =>
  names
    .map((name) => ({ name, found: match(typed, name) }))
    .filter((one) => one.found !== undefined)
    .sort((a, b) => b.found!.score - a.found!.score)
    .map((one) => one.name);

test("letters in their order match, others do not", () => {
  expect(match("oc", "orders.cancelled")?.at).toEqual([0, 7]);
  expect(match("co", "orders.cancelled")).toBeUndefined();
  expect(match("", "anything")?.at).toEqual([]);
});

test("what begins so comes before what contains it, and that before letters far apart", () => {
  expect(order("ord", "old-records", "the-orders", "orders")).toEqual(["orders", "the-orders", "old-records"]);
});

test("the shorter of two that match alike comes first", () => {
  expect(order("order", "orders.new.of.today", "orders")).toEqual(["orders", "orders.new.of.today"]);
});
