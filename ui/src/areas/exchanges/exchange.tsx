import { apiPath, del } from "../../lib/api";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, type Params } from "../../lib/router";
import { historyFrom, withSamples } from "../../lib/samples";
import { Button, Card, chosenTab, Head, Tabs, Tag } from "../../ui/bits";
import { RateChart } from "../../ui/charts";
import { askBefore } from "../../ui/dialog";
import { Offers } from "../../ui/offers";
import { say } from "../../ui/toast";
import { Bindings } from "../messaging/bindings";
import { Publish } from "../messaging/publish";
import { ArgumentList, exchangeTitle, Features, type ExchangeOf } from "../messaging/things";
import { t } from "../messaging/words";
import { Gone } from "../queues/queue";

const RATES = ["publish_in", "publish_out"];

export function Exchange({ params }: { params: Params }) {
  const vhost = params["vhost"] ?? "/";
  const inPath = params["exchange"] ?? "";
  const { data, error } = useResource<ExchangeOf>(withSamples(apiPath("exchanges", vhost, inPath)));
  if (error.value?.status === 404) return <Gone name={inPath} />;
  const exchange = data.value;
  const name = inPath === "amq.default" ? "" : inPath;
  const ours = name === "" || name.startsWith("amq.");
  const tab = chosenTab("overview");
  return (
    <div class="page">
      <Head crumbs={<><a href="#/exchanges">{t.exchanges}</a> · {t.vhost} <span class="mono">{vhost}</span></>} title={exchangeTitle(name)}
        sub={exchange && <><Tag>{exchange.type}</Tag>{exchange.durable && <Tag>{t.durable}</Tag>}<Features of={exchange} />{exchange.policy && <Tag tone="accent">{t.policy}: {exchange.policy}</Tag>}</>}>
        <Offers of="exchange" names={[vhost, inPath]} />
        {!ours && <Button icon="trash" look="danger" onClick={() => remove(vhost, name)}>{t.delete}</Button>}
      </Head>
      {error.value && <div class="problem" role="alert">{error.value.message}</div>}
      <Tabs of={[
        { id: "overview", label: t.overview },
        ...(name === "" ? [] : [{ id: "from", label: t.bindingsFrom }, { id: "to", label: t.bindingsTo }]),
        { id: "publish", label: t.publish },
      ]} />
      {tab === "overview" && exchange && <About of={exchange} />}
      {tab === "from" && <Bindings vhost={vhost} name={name} kind="exchange" way="from" />}
      {tab === "to" && <Bindings vhost={vhost} name={name} kind="exchange" way="to" />}
      {tab === "publish" && <Publish vhost={vhost} exchange={name} />}
    </div>
  );
}

function About({ of }: { of: ExchangeOf }) {
  const history = historyFrom(`exchange ${of.vhost} ${of.name}`, [undefined, []], [of.message_stats, RATES]);
  return (
    <div class="grid" style={{ "--min": "380px" }}>
      <RateChart history={history} of={RATES} />
      <Card title={t.arguments}><ArgumentList of={of.arguments} /></Card>
      {of.name === "" && <div class="note">{t.implicit}</div>}
    </div>
  );
}

function remove(vhost: string, name: string): void {
  askBefore({
    title: t.deleteExchangeTitle(name), text: t.deleteExchangeText, button: t.delete, name,
    act: () => del(apiPath("exchanges", vhost, name)),
    done: () => { go("#/exchanges"); say(t.deleted(name)); changed(); },
  });
}
