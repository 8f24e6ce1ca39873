/** How a payload is shown: as text, as JSON that is set out, as bytes. */
import type { Message } from "./shapes";

export type View = "json" | "text" | "hex";
type Payload = Pick<Message, "payload" | "payload_encoding" | "payload_bytes">;

export function bytesOf(message: Payload): Uint8Array {
  if (message.payload_encoding === "string") return new TextEncoder().encode(message.payload);
  return Uint8Array.from(atob(message.payload), (one) => one.charCodeAt(0));
}

/** Set out JSON; undefined when it is none. Numbers keep every digit: they are not read, only laid out. */
export function prettyJson(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^[[{"]/.test(trimmed)) return undefined;
  try {
    JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  return setOut(trimmed);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

function setOut(json: string): string {
  let out = "";
  let depth = 0;
  let last = "";
  const line = (): string => "\n" + "  ".repeat(depth);
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === "}" || token === "]") {
      depth--;
      out += last === "{" || last === "[" ? token : line() + token;
    } else {
      if (last === "{" || last === "[") out += line();
      out += token === ":" ? ": " : token;
      if (token === "{" || token === "[") depth++;
      if (token === ",") out += line();
    }
    last = token;
  }
  return out;
}

export interface Piece {
  kind: "key" | "string" | "number" | "word" | "mark";
  text: string;
}

/** Pieces of set-out JSON to be coloured; what is between them belongs to the piece before. */
export function pieces(json: string): Piece[] {
  const found: Piece[] = [];
  const rest = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null|[^"\d\w-]+|./gs;
  for (const [text, quoted, colon] of json.matchAll(rest)) {
    if (quoted !== undefined && colon !== undefined) found.push({ kind: "key", text: quoted }, { kind: "mark", text: colon });
    else if (quoted !== undefined) found.push({ kind: "string", text });
    else if (/^-?\d/.test(text)) found.push({ kind: "number", text });
    else if (/^(true|false|null)$/.test(text)) found.push({ kind: "word", text });
    else found.push({ kind: "mark", text });
  }
  return found;
}

export interface HexLine {
  at: string;
  hex: string;
  text: string;
}

const WIDTH = 16;
export const HEX_BYTES_MAX = 16 * 1024; // more than anybody reads, and the page stays quick

export function hexLines(bytes: Uint8Array): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < Math.min(bytes.length, HEX_BYTES_MAX); at += WIDTH) {
    const part = [...bytes.subarray(at, at + WIDTH)];
    lines.push({
      at: at.toString(16).padStart(6, "0"),
      hex: part.map((one) => one.toString(16).padStart(2, "0")).join(" ").padEnd(WIDTH * 3 - 1),
      text: part.map((one) => (one >= 32 && one < 127 ? String.fromCharCode(one) : "·")).join(""),
    });
  }
  return lines;
}

/** The beginning, on one line: for a row of a table. */
export function preview(message: Payload, length = 160): string {
  if (message.payload_encoding === "string") return message.payload.slice(0, length).replace(/\s+/g, " ");
  return [...bytesOf({ ...message, payload: message.payload.slice(0, 64) })]
    .map((one) => one.toString(16).padStart(2, "0"))
    .join(" ");
}

export const isCut = (message: Payload): boolean => bytesOf(message).length < message.payload_bytes;
