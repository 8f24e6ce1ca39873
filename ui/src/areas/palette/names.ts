/** Names the server knows: a few of each kind, however many there are. */
import { get, withQuery } from "../../lib/api";
import { link } from "../../lib/router";
import { isAdministrator } from "../../lib/session";
import type { IconName } from "../../ui/icons";
import type { Choice } from "./palette";
import { t } from "./words";

interface Row {
  name: string;
  vhost?: string;
}

interface Kind {
  path: string;
  group: string;
  icon: IconName;
  href: (row: Row) => string;
}

const EACH = 6;

export async function findNames(wanted: string, signal: AbortSignal): Promise<Choice[]> {
  const found = await Promise.all(kinds().map((kind) => find(kind, wanted, signal).catch(() => [])));
  return found.flat();
}

function kinds(): Kind[] {
  const within = (place: string) => (row: Row) => link(place, row.vhost ?? "/", row.name || "amq.default");
  const plain = (place: string) => (row: Row) => link(place, row.name);
  const all: Kind[] = [
    { path: "api/queues", group: t.queues, icon: "queues", href: within("queues") },
    { path: "api/exchanges", group: t.exchanges, icon: "exchanges", href: within("exchanges") },
    { path: "api/topics", group: t.topics, icon: "topics", href: plain("topics") },
    { path: "api/groups", group: t.groups, icon: "groups", href: plain("groups") },
    { path: "api/vhosts", group: t.vhosts, icon: "vhosts", href: plain("vhosts") },
  ];
  if (isAdministrator.value) all.push({ path: "api/users", group: t.users, icon: "users", href: plain("users") });
  return all;
}

async function find(kind: Kind, wanted: string, signal: AbortSignal): Promise<Choice[]> {
  const query = { name: wanted, page: 1, page_size: EACH, columns: "name,vhost" };
  const said = await get<{ items: Row[] } | Row[]>(withQuery(kind.path, query), signal);
  // Short lists come whole, without pages.
  const rows = Array.isArray(said) ? said.filter((row) => row.name.toLowerCase().includes(wanted.toLowerCase())) : said.items;
  return rows.slice(0, EACH).map((row) => ({
    group: kind.group,
    name: row.name || "(AMQP default)",
    icon: kind.icon,
    href: kind.href(row),
    ...(row.vhost !== undefined && row.vhost !== "/" && { detail: row.vhost }),
  }));
}
