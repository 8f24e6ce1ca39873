/** Deep links: #/queues/%2F/jobs?tab=bindings. Everything a page shows can be in its address. */
import { computed, signal } from "@preact/signals";
import type { ComponentType } from "preact";

export type Params = Record<string, string>;

/** A page, and where it is found. Areas list theirs in `areas/<area>/routes.ts`. */
export interface Route {
  path: string; // "/queues/:vhost/:queue"
  page: ComponentType<{ params: Params }>;
  title: (params: Params) => string;
  section?: string; // the entry of the sidebar that is lit; without it, the first part of the path
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

const parts = computed(() => {
  const [path = "/", query = ""] = hash.value.replace(/^#/, "").split(/\?(.*)/s);
  return { path: path || "/", query: new URLSearchParams(query) };
});

export const path = computed(() => parts.value.path);
export const query = computed(() => parts.value.query);

/** Make an address of parts, each encoded: link("queues", "/", "a b") is "#/queues/%2F/a%20b". */
export function link(...names: string[]): string {
  return "#/" + names.map(encodeURIComponent).join("/");
}

export function linkWith(values: Record<string, string>, ...names: string[]): string {
  const query = new URLSearchParams(values).toString();
  return link(...names) + (query ? "?" + query : "");
}

export function go(address: string): void {
  location.hash = address.replace(/^#/, "");
}

/** Change a part of the query, without a step in the history. */
export function setQuery(name: string, value: string): void {
  const next = new URLSearchParams(query.value);
  if (value) next.set(name, value);
  else next.delete(name);
  const text = next.toString();
  history.replaceState(null, "", "#" + path.value + (text ? "?" + text : ""));
  hash.value = location.hash;
}

export function find(routes: Route[], wanted: string): { route: Route; params: Params } | null {
  const said = wanted.split("/").filter(Boolean);
  for (const route of routes) {
    const params = match(route.path.split("/").filter(Boolean), said);
    if (params) return { route, params };
  }
  return null;
}

function match(pattern: string[], said: string[]): Params | null {
  if (pattern.length !== said.length) return null;
  const params: Params = {};
  for (const [i, part] of pattern.entries()) {
    const one = decoded(said[i] ?? "");
    if (one === null) return null;
    if (part.startsWith(":")) params[part.slice(1)] = one;
    else if (part !== one) return null;
  }
  return params;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // somebody's broken link
  }
}
