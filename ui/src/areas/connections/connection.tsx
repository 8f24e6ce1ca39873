import { useSignal } from "@preact/signals";
import { apiPath, request } from "../../lib/api";
import { bytes, count, rate, when } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, type Params } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { historyFrom, withSamples } from "../../lib/samples";
import { Button, Card, Facts, Figures, Head, Protocol, Tag } from "../../ui/bits";
import { DataChart } from "../../ui/charts";
import { openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { Offers } from "../../ui/offers";
import { Since } from "../../ui/since";
import { Table } from "../../ui/table";
import { say } from "../../ui/toast";
import { shown } from "../messaging/things";
import { Gone } from "../queues/queue";
import { channelColumns } from "./channels";
import { clientName, productOf, type ChannelOf, type ConnectionOf } from "./things";
import { t } from "./words";
import { link } from "../../lib/router";

const NEVER = 0xffffffff; // of a session of MQTT that is kept for ever

export function Connection({ params }: { params: Params }) {
  const name = params["connection"] ?? "";
  const { data, error } = useResource<ConnectionOf>(withSamples(apiPath("connections", name)));
  const one = data.value;
  if (error.value?.status === 404) return <Gone name={name} />;
  return (
    <div class="page">
      <Head crumbs={<a href="#/connections">{t.connections}</a>} title={one ? clientName(one) : name}
        sub={one && <><Protocol name={one.protocol} />{one.ssl && <Tag tone="good">{t.tls}</Tag>}<span class="mono">{one.name}</span></>}>
        <Offers of="connection" names={[name]} />
        <Button icon="x" look="danger" onClick={() => close(name)}>{t.close}</Button>
      </Head>
      {error.value && <div class="problem" role="alert">{error.value.message}</div>}
      {one && <About of={one} />}
    </div>
  );
}

function About({ of }: { of: ConnectionOf }) {
  const amqp = of.protocol.startsWith("AMQP");
  const history = historyFrom(`connection ${of.name}`, [undefined, []], [of as unknown as Record<string, unknown>, ["recv_oct", "send_oct"]]);
  const { capabilities, ...said } = of.client_properties;
  return (
    <>
      <Figures of={[
        { what: t.received, value: `${bytes(of.recv_oct_details?.rate ?? 0)}/s` },
        { what: t.sent, value: `${bytes(of.send_oct_details?.rate ?? 0)}/s` },
        amqp ? { what: t.channels, value: count(of.channels) }
          : of.subscriptions !== undefined ? { what: t.subscriptions, value: count(of.subscriptions) }
            : { what: t.requests, value: rate(of.requests_details?.rate) },
        { what: t.since, value: <Since ms={of.connected_at} /> },
      ]} />
      {amqp && <Channels connection={of.name} />}
      <div class="grid" style={{ "--min": "380px" }}>
        {of.recv_oct !== undefined && <DataChart history={history} of={["recv_oct", "send_oct"]} />}
        <Card title={t.details}>
          <Facts of={[
            [t.user, of.user], [t.vhost, of.vhost], [t.clientId, of.client_id], [t.address, <span class="mono">{of.peer_host}:{of.peer_port} → {of.host}:{of.port}</span>],
            [t.mechanism, of.auth_mechanism], [t.product, productOf(of)], [t.since, when(of.connected_at)], [t.state, of.state],
            [t.frameMax, of.frame_max && bytes(of.frame_max)], [of.protocol.startsWith("MQTT") ? t.keepAlive : t.heartbeat, of.timeout && t.seconds(of.timeout)],
            [t.session, of.session_expiry && (of.session_expiry === NEVER ? t.forEver : t.seconds(of.session_expiry))], [t.inFlight, of.messages_in_flight], [t.will, of.has_will && t.yes], [t.channelMax, of.channel_max && count(of.channel_max)],
            [t.received, of.recv_oct !== undefined && bytes(of.recv_oct)], [t.sent, of.send_oct !== undefined && bytes(of.send_oct)],
          ]} />
        </Card>
        {Object.keys(of.client_properties).length > 0 && (
          <Card title={t.clientProperties}>
            <Facts of={[
              ...Object.entries(said).map(([key, value]): [string, string] => [key, shown(value)]),
              [t.capabilities, typeof capabilities === "object" && capabilities !== null && <span class="row wrap" style={{ gap: "4px" }}>{Object.entries(capabilities).filter(([, value]) => value).map(([key]) => <Tag>{key}</Tag>)}</span>],
            ]} />
          </Card>
        )}
      </div>
    </>
  );
}

function Channels({ connection }: { connection: string }) {
  const { data, error } = useResource<ChannelOf[]>(apiPath("connections", connection, "channels"));
  const source = useLocal(data.value, { id: "channels.of", error: error.value });
  return <Table id="channels.of" source={source} plain height={240} columns={channelColumns(false)} rowKey={(row) => row.name} link={(row) => link("channels", row.name)} />;
}

function close(name: string): void {
  openDialog(t.closeTitle, (dismiss) => <CloseForm name={name} dismiss={dismiss} />);
}

function CloseForm({ name, dismiss }: { name: string; dismiss: () => void }) {
  const reason = useSignal("");
  const act = async () => {
    await request("DELETE", apiPath("connections", name), undefined, undefined, reason.value ? { "X-Reason": reason.value } : {});
    dismiss();
    go("#/connections");
    say(t.closed);
    changed();
  };
  return (
    <Form onSubmit={act} button={t.close} look="danger solid" onCancel={dismiss}>
      <p>{t.closeText(name)}</p>
      <TextField label={t.reason} value={reason} />
    </Form>
  );
}
