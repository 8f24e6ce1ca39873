/** The one way to the server: every request goes through `request`. */
import { signal } from "@preact/signals";

/** Is the server there? The page says so in a line at the top, and tries again by itself. */
export const connected = signal(true);

/** Changes when somebody else has to log in: the session has ended. */
export const loggedOut = signal(0);

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    readonly reason: string,
  ) {
    super(reason || error);
  }
}

/** Nobody answered. */
export class Unreachable extends Error {}

export type Method = "GET" | "PUT" | "POST" | "DELETE";

let csrf = "";
export function setCsrf(token: string): void {
  csrf = token;
}

export function apiPath(...names: string[]): string {
  return "api/" + names.map(encodeURIComponent).join("/");
}

/** Values that are empty are left out. */
export function withQuery(path: string, values: Record<string, string | number | boolean | undefined>): string {
  const said = Object.entries(values).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  const query = new URLSearchParams(said.map(([name, value]) => [name, String(value)])).toString();
  return query ? `${path}?${query}` : path;
}

export const get = <T>(path: string, signal?: AbortSignal) => request<T>("GET", path, undefined, signal);
export const put = <T = void>(path: string, body: unknown = {}) => request<T>("PUT", path, body);
export const post = <T = void>(path: string, body: unknown = {}) => request<T>("POST", path, body);
export const del = <T = void>(path: string) => request<T>("DELETE", path);

export async function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal, more: Record<string, string> = {}): Promise<T> {
  const answer = await send(method, path, body, signal, more);
  if (answer.ok) return (await content(answer)) as T;
  const refusal = await refused(answer);
  // RabbitMQ's API, and so ours, says 401 also to who is known and may not: only whoami tells.
  if (answer.status === 401 && !(await send("GET", "api/whoami")).ok) loggedOut.value++;
  throw refusal;
}

/** Ask without what follows from being refused: for logging in. */
export async function send(method: Method, path: string, body?: unknown, signal?: AbortSignal, more: Record<string, string> = {}): Promise<Response> {
  // Says that we ask for passwords ourselves: the browser need not.
  const headers: Record<string, string> = { "X-Requested-With": "anymq", ...more };
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    connected.value = true;
    return answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    connected.value = false;
    throw new Unreachable();
  }
}

export async function refused(answer: Response): Promise<ApiError> {
  let said: { error?: unknown; reason?: unknown } = {};
  try {
    const body: unknown = await answer.json();
    if (typeof body === "object" && body !== null) said = body;
  } catch {
    // Not JSON: the status has to do.
  }
  return new ApiError(answer.status, text(said.error) || answer.statusText, text(said.reason));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

async function content(answer: Response): Promise<unknown> {
  const body = await answer.text();
  if (!body) return undefined;
  return (answer.headers.get("content-type") ?? "").includes("json") ? JSON.parse(body) : body;
}
