/** The way in for scripts: an example, and all routes from the OpenAPI document where there is one. */
import { useSignal } from "@preact/signals";
import { useResource } from "../../lib/resource";
import { me } from "../../lib/session";
import { Card, Head, Snippet, Tag } from "../../ui/bits";
import { t } from "./words";
import "./watch.css";

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
}

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

const METHODS = ["get", "put", "post", "delete"];
const TONES: Record<string, string> = { get: "good", put: "warn", post: "accent", delete: "bad" };
const ONCE = 0;

export function HttpApi() {
  const { data, error } = useResource<OpenApi>("api/openapi.json", ONCE);
  const typed = useSignal("");
  const origin = location.origin;
  const name = me.value?.name ?? "guest";
  const wanted = typed.value.toLowerCase();
  const all = Object.entries(data.value?.paths ?? {}).flatMap(([path, operations]) =>
    METHODS.filter((method) => method in operations).map((method) => ({ path, method, says: operations[method]?.summary ?? operations[method]?.description ?? "" })),
  );
  const shown = all.filter((one) => `${one.path} ${one.says}`.toLowerCase().includes(wanted));
  return (
    <div class="page">
      <Head title={t.api} sub={t.apiAbout}>{data.value && <a class="button" href="api/openapi.json" target="_blank">{t.spec}</a>}</Head>
      <Card>
        <div class="stack">
          <p>{t.apiHint}</p>
          <Snippet text={`curl -u ${name} ${origin}/api/overview\ncurl -u ${name} '${origin}/api/queues?page=1&page_size=100&sort=messages&sort_reverse=true'\ncurl -u ${name} -X PUT ${origin}/api/queues/%2F/jobs -d '{"durable": true}'`} />
          {error.value && <p class="muted">{t.noSpec}</p>}
        </div>
      </Card>
      {data.value && (
        <Card flush title={<input class="input" type="search" placeholder={t.filter} aria-label={t.filter} value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />}>
          <ul class="api-routes">
            {shown.map((one) => (
              <li key={`${one.method} ${one.path}`}>
                <Tag tone={TONES[one.method] ?? ""}>{one.method.toUpperCase()}</Tag>
                <code>{one.path}</code>
                <span class="muted">{one.says}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}
