/** Who is logged in, and what he may. */
import { computed, effect, signal } from "@preact/signals";
import { get, loggedOut, refused, request, send, setCsrf } from "./api";
import { remembered } from "./prefs";

export interface Me {
  name: string;
  tags: string[];
  csrf_token: string | null;
}

export const me = signal<Me | null>(null);
export const isAdministrator = computed(() => has("administrator"));
export const isMonitoring = computed(() => has("monitoring", "administrator"));
export const isPolicymaker = computed(() => has("policymaker", "administrator"));

/** The virtual host that lists show; "": all. */
export const vhost = remembered("vhost", "");
export const vhosts = signal<string[]>([]);

function has(...tags: string[]): boolean {
  return me.value?.tags.some((tag) => tags.includes(tag)) ?? false;
}

/** Is there a session from before? */
export async function resume(): Promise<void> {
  const answer = await send("GET", "api/login");
  if (answer.ok) await enter((await answer.json()) as Me);
}

export function logIn(username: string, password: string): Promise<void> {
  return begin({ username, password });
}

/** With what an identity provider says of him. */
export function logInByToken(access_token: string): Promise<void> {
  return begin({ access_token });
}

async function begin(said: Record<string, string>): Promise<void> {
  const answer = await send("POST", "api/login", said);
  if (!answer.ok) throw await refused(answer);
  await enter((await answer.json()) as Me);
}

export async function logOut(): Promise<void> {
  await request("DELETE", "api/login").catch(() => undefined); // over already: as well
  me.value = null;
}

async function enter(who: Me): Promise<void> {
  setCsrf(who.csrf_token ?? "");
  me.value = who;
  const all = await get<{ name: string }[]>("api/vhosts?columns=name").catch(() => []);
  vhosts.value = all.map((one) => one.name);
  if (!vhosts.value.includes(vhost.value)) vhost.value = "";
}

effect(() => {
  if (loggedOut.value > 0) me.value = null;
});
