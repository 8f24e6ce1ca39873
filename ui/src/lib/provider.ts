/**
 * Logging in elsewhere: an authorization code with PKCE (RFC 6749, 7636). The token goes from the
 * provider to the server, which begins a session as with a password; the browser keeps none.
 */
import { signal } from "@preact/signals";
import { ApiError, send } from "./api";
import { t } from "../shell/words";
import { logInByToken } from "./session";

interface Provider {
  client_id: string;
  authorization_url: string;
  token_url: string;
  scope: string;
}

/** What this tab keeps while its user is away. */
interface Begun {
  state: string;
  verifier: string;
  place: string; // where he wanted to go
}

const KEPT = "anymq.begun";

/** Why who came back from the provider is not logged in. */
export const loginProblem = signal("");

/** Where users log in besides here; null: nowhere. */
export async function provider(): Promise<Provider | null> {
  const answer = await send("GET", "api/auth");
  const said = (answer.ok ? await answer.json() : {}) as Partial<Provider> & { oauth_enabled?: boolean };
  return said.oauth_enabled ? (said as Provider) : null;
}

export function hostOf(one: Provider): string {
  return new URL(one.authorization_url).host;
}

/** Leave for the provider. */
export async function leaveFor(one: Provider): Promise<void> {
  if (!window.isSecureContext) throw new Error(t.needsTls);
  const begun: Begun = { state: random(), verifier: random(), place: location.hash };
  const address = new URL(one.authorization_url);
  const asked = {
    response_type: "code", client_id: one.client_id, redirect_uri: here(), scope: one.scope, state: begun.state,
    code_challenge: await challenge(begun.verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  if (!/^https?:$/.test(address.protocol)) throw new Error(t.providerWrong);
  sessionStorage.setItem(KEPT, JSON.stringify(begun));
  location.assign(address);
}

/** Does the address say that the provider sent somebody back? Then log him in, and forget what it says. */
export async function comeBack(): Promise<void> {
  const said = new URLSearchParams(location.search);
  if (!said.has("state") || !(said.has("code") || said.has("error"))) return;
  const begun = taken();
  const mine = begun !== null && begun.state === said.get("state");
  history.replaceState(null, "", location.pathname + (mine ? begun.place : ""));
  dispatchEvent(new HashChangeEvent("hashchange"));
  try {
    if (!mine) throw new Error(t.notBegunHere);
    const code = said.get("code");
    if (code === null) throw new Error(said.get("error_description") ?? said.get("error") ?? "");
    await logInByToken(await tokenFor(code, begun.verifier));
  } catch (problem) {
    loginProblem.value = `${t.notLoggedIn} ${words(problem)}`;
  }
}

function words(problem: unknown): string {
  if (problem instanceof ApiError) return problem.status === 401 ? t.refusedHere : problem.message;
  return problem instanceof Error ? problem.message : String(problem);
}

function taken(): Begun | null {
  try {
    const text = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT); // once
    return text === null ? null : (JSON.parse(text) as Begun);
  } catch {
    return null;
  }
}

async function tokenFor(code: string, verifier: string): Promise<string> {
  const one = await provider();
  if (one === null) throw new Error(t.providerWrong);
  const body = new URLSearchParams({
    grant_type: "authorization_code", code, redirect_uri: here(), client_id: one.client_id, code_verifier: verifier,
  });
  let said: { access_token?: unknown };
  try {
    const answer = await fetch(one.token_url, { method: "POST", body, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" });
    said = (await answer.json()) as { access_token?: unknown };
  } catch {
    throw new Error(t.noToken); // not there, or it does not allow this page to ask (CORS)
  }
  if (typeof said.access_token !== "string") throw new Error(t.noToken);
  return said.access_token;
}

function here(): string {
  return location.origin + location.pathname;
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challenge(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
