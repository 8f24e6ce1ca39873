import { apiPath } from "../../lib/api";
import { rate, short } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { link, type Params } from "../../lib/router";
import { historyFrom, rateOf, withSamples } from "../../lib/samples";
import { Figures, Head, Tag } from "../../ui/bits";
import { RateChart } from "../../ui/charts";
import { Consumers } from "../messaging/consumers";
import { Gone } from "../queues/queue";
import { Mode, prefetch } from "./channels";
import type { ChannelOf } from "./things";
import { t } from "./words";

const RATES = ["publish", "confirm", "deliver_get", "ack"];

export function Channel({ params }: { params: Params }) {
  const name = params["channel"] ?? "";
  const { data, error } = useResource<ChannelOf>(withSamples(apiPath("channels", name)));
  const one = data.value;
  if (error.value?.status === 404) return <Gone name={name} />;
  const connection = one?.connection_details.name;
  return (
    <div class="page">
      <Head crumbs={<><a href="#/channels">{t.channels}</a>{connection && <> / <a href={link("connections", connection)}>{connection}</a></>}</>} title={name}
        sub={one && <><Mode of={one} /><Tag>{one.user}</Tag><Tag>{one.vhost}</Tag></>} />
      {error.value && <div class="problem" role="alert">{error.value.message}</div>}
      {one && (
        <>
          <Figures of={[
            { what: t.publish, value: rate(rateOf(one.message_stats, "publish")) },
            { what: t.deliver, value: rate(rateOf(one.message_stats, "deliver_get")) },
            { what: t.unacked, value: short(one.messages_unacknowledged) },
            { what: t.unconfirmed, value: short(one.messages_unconfirmed) },
            { what: t.prefetch, value: prefetch(one) },
          ]} />
          <Consumers of={one.consumer_details} />
          <RateChart history={historyFrom(`channel ${name}`, [undefined, []], [one.message_stats, RATES])} of={RATES} />
        </>
      )}
    </div>
  );
}
