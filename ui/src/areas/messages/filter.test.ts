import { expect, test } from "vitest";
import { emptyCondition, isComplete, literal, parseFilter, toConditions, toFilter, type Condition } from "./filter";

const row = (field: Condition["field"], value: string, name = "", op: Condition["op"] = "="): Condition => ({
  field, name, op, value,
});

test("rows become the filter that the API wants", () => {
  const rows = [
    row("text", "hello"),
    row("json", "4711", "order.id"),
    row("json", "", "order.note", "exists"),
    row("header", "ac", "tenant", "starts"),
    row("bytes_min", "10"),
    row("redelivered", "false"),
    row("death_reason", "rejected"),
    row("death_queue", "orders"),
  ];
  expect(toFilter(rows, true)).toEqual({
    text: "hello",
    ignore_case: true,
    json: [{ path: "order.id", op: "=", value: 4711 }, { path: "order.note", op: "exists" }],
    headers: [{ name: "tenant", op: "starts", value: "ac" }],
    bytes_min: 10,
    redelivered: false,
    death: { reason: "rejected", queue: "orders" },
  });
});

test("a filter becomes the same rows again, so that a link shows what was searched", () => {
  const filter = {
    routing_key: "eu.*",
    json: [{ path: "a", op: "=" as const, value: "12" }, { path: "b", op: "missing" as const }],
    properties: [{ name: "message_id", op: "=" as const, value: "m-1" }],
    from: 1795253400000,
    death: { reason: "expired" },
  };
  expect(toFilter(toConditions(filter), false)).toEqual(filter);
});

test("rows that ask nothing yet are left out", () => {
  expect(toFilter([emptyCondition("text"), row("json", "1"), emptyCondition("header")], true)).toBeUndefined();
  expect(isComplete(row("json", "", "a", "exists"))).toBe(true);
});

test("numbers, truth and quoted texts are what they are in JSON, the rest is text", () => {
  expect(["12", "-1.5", "true", "null", '"12"', "m-17", "12 apples", "trueish"].map(literal)).toEqual([
    12, -1.5, true, null, "12", "m-17", "12 apples", "trueish",
  ]);
});

test("a broken link is no filter", () => {
  expect([parseFilter("{"), parseFilter("3"), parseFilter(null)]).toEqual([undefined, undefined, undefined]);
  expect(parseFilter('{"text":"a"}')).toEqual({ text: "a" });
});
