/** Policies of users and of operators. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { apiPath, del, get, put, withQuery } from "../../lib/api";
import { count } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { useLocal } from "../../lib/rows";
import { isAdministrator, isPolicymaker, vhost, vhosts } from "../../lib/session";
import { Button, chosenTab, Empty, Head, Tabs, Tag } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Field, Form, SelectField, TextField } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { definitionOf, said, SETTINGS, type Said, type Setting } from "./settings";
import type { Policy } from "./shapes";
import { t } from "./words";
import "./admin.css";

type List = "policies" | "operator-policies";
const APPLY = ["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"] as const;
type Apply = (typeof APPLY)[number];

const applyText = (to: string): string => ((APPLY as readonly string[]).includes(to) ? t[`to_${to as Apply}`] : to);

export function Policies() {
  const list: List = chosenTab("user") === "operator" ? "operator-policies" : "policies";
  return (
    <div class="page fills">
      <Head title={t.policies} sub={t.policiesAbout}>
        {(list === "policies" ? isPolicymaker : isAdministrator).value && (
          <Button icon="plus" look="primary" onClick={() => edit(list)}>{list === "policies" ? t.addPolicy : t.addOperatorPolicy}</Button>
        )}
      </Head>
      <Tabs of={[{ id: "user", label: t.userPolicies }, { id: "operator", label: t.operatorPolicies }]} />
      <Listed key={list} list={list} />
    </div>
  );
}

function Listed({ list }: { list: List }) {
  const { data, error } = useResource<Policy[]>(vhost.value ? apiPath(list, vhost.value) : `api/${list}`);
  const source = useLocal(data.value, { id: list, sort: { by: "name", reverse: false }, error: error.value });
  const columns: Column<Policy>[] = [
    { id: "name", title: t.name, sort: "name", min: 150, grow: 1.4, cell: (one) => <button type="button" class="name as-link" onClick={() => edit(list, one)}>{one.name}</button> },
    { id: "vhost", title: t.vhost, sort: "vhost", min: 100, cell: (one) => one.vhost },
    { id: "pattern", title: t.pattern, sort: "pattern", min: 140, grow: 1.4, cell: (one) => <code>{one.pattern}</code> },
    { id: "apply", title: t.applyTo, sort: "apply-to", min: 130, cell: (one) => applyText(one["apply-to"]) },
    { id: "definition", title: t.definition, min: 300, grow: 4, cell: (one) => <Definition of={one.definition} /> },
    { id: "priority", title: t.priority, sort: "priority", number: true, cell: (one) => one.priority },
    { id: "do", title: "", min: 60, grow: 0.3, cell: (one) => <Button icon="trash" look="quiet small" aria-label={t.deletePolicy} title={t.deletePolicy} onClick={() => remove(list, one)} /> },
  ];
  return (
    <Table id={list} source={source} columns={columns} rowKey={(one) => `${one.vhost}/${one.name}`} fills
      empty={<Empty icon="policies" title={list === "policies" ? t.noPolicies : t.noOperator}><p>{list === "policies" ? t.noPoliciesHint : t.noOperatorHint}</p></Empty>} />
  );
}

function Definition({ of }: { of: Record<string, unknown> }) {
  return <span class="row">{said(of).map(({ key, value }) => <Tag key={key} title={`${key}: ${value}`}><span>{key}</span><code>{value || "∅"}</code></Tag>)}</span>;
}

function remove(list: List, policy: Policy): void {
  askBefore({
    title: `${t.deletePolicy} ${policy.name}`, text: <p>{t.deletePolicyText}</p>, button: t.deletePolicy,
    act: () => del(apiPath(list, policy.vhost, policy.name)), done: changed,
  });
}

function edit(list: List, policy?: Policy): void {
  const title = policy ? `${t.editPolicy} ${policy.name}` : list === "policies" ? t.addPolicy : t.addOperatorPolicy;
  openDialog(title, (close) => <Edit list={list} policy={policy} close={close} />, { wide: true });
}

function Edit({ list, policy, close }: { list: List; policy: Policy | undefined; close: () => void }) {
  const name = useSignal(policy?.name ?? "");
  const where = useSignal(policy?.vhost ?? (vhost.value || vhosts.value[0] || "/"));
  const pattern = useSignal(policy?.pattern ?? "^");
  const apply = useSignal<Apply>((policy?.["apply-to"] as Apply | undefined) ?? (list === "policies" ? "all" : "queues"));
  const priority = useSignal(String(policy?.priority ?? 0));
  const rows = useSignal<Said[]>(said(policy?.definition ?? {}));
  const submit = async () => {
    if (rows.value.length === 0) throw new Error(t.needSetting);
    await put(apiPath(list, where.value, name.value), {
      pattern: pattern.value, "apply-to": apply.value, priority: Number(priority.value), definition: definitionOf(rows.value),
    });
    close();
    changed();
  };
  return (
    <Form button={t.save} onCancel={close} onSubmit={submit} ready={name.value !== "" && pattern.value !== ""}>
      <div class="pair">
        {policy ? null : <TextField label={t.name} value={name} required />}
        {vhosts.value.length > 1 && !policy && <SelectField label={t.vhost} value={where} options={vhosts.value.map((one) => [one, one])} />}
      </div>
      <div class="pair">
        <TextField label={t.pattern} value={pattern} mono hint={<Matches vhost={where.value} pattern={pattern.value} apply={apply.value} />} />
        <SelectField label={t.applyTo} value={apply} options={APPLY.filter((one) => list === "policies" || (one !== "all" && one !== "exchanges")).map((one) => [one, t[`to_${one}`]])} />
        <TextField label={t.priority} value={priority} type="number" hint={t.priorityHint} />
      </div>
      <Settings rows={rows} operator={list === "operator-policies"} />
    </Form>
  );
}

const TYPING_MS = 300;

/** What would it hold for? Said while one types. */
function Matches({ vhost: where, pattern, apply }: { vhost: string; pattern: string; apply: Apply }) {
  const text = useSignal(t.patternHint);
  useEffect(() => {
    if (apply === "exchanges") return void (text.value = t.patternHint);
    const timer = setTimeout(() => {
      const query = { name: pattern, use_regex: true, page: 1, page_size: 1, columns: "name" };
      void get<{ filtered_count: number }>(withQuery(apiPath("queues", where), query)).then(
        ({ filtered_count: some }) => (text.value = some > 0 ? t.matches(count(some)) : t.matchesNone),
        () => (text.value = t.patternHint),
      );
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [where, pattern, apply]);
  return <>{text.value}</>;
}

function Settings({ rows, operator }: { rows: Signal<Said[]>; operator: boolean }) {
  const known = SETTINGS.filter((one) => !operator || one.operator);
  const left = known.filter((one) => !rows.value.some((row) => row.key === one.key));
  const set = (i: number, value: string) => {
    rows.value = rows.value.map((row, at) => (at === i ? { ...row, value } : row));
  };
  return (
    <fieldset>
      <legend>{t.definition}</legend>
      {rows.value.map((row, i) => {
        const setting = known.find((one) => one.key === row.key);
        return (
          <div class="setting" key={row.key}>
            <Field label={<>{setting ? t[setting.words] : row.key} <code class="faint">{row.key}</code></>}>
              <Value setting={setting} value={row.value} onChange={(value) => set(i, value)} />
            </Field>
            <Button icon="x" look="quiet" aria-label={t.delete} onClick={() => (rows.value = rows.value.filter((_, at) => at !== i))} />
          </div>
        );
      })}
      <div class="chips">
        {left.map((one) => (
          <button type="button" key={one.key} title={t[one.words]} onClick={() => (rows.value = [...rows.value, { key: one.key, value: one.start ?? one.choices?.[0] ?? (one.kind === "truth" ? "true" : "") }])}>+ {one.key}</button>
        ))}
      </div>
    </fieldset>
  );
}

/** The field gives it its id, by which the label names it. */
function Value({ setting, value, onChange, id }: { setting: Setting | undefined; value: string; onChange: (value: string) => void; id?: string }) {
  const choices = setting?.kind === "truth" ? ["true", "false"] : setting?.choices;
  if (choices) {
    return (
      <select id={id} class="select" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map((one) => <option key={one} value={one} selected={one === value}>{one}</option>)}
      </select>
    );
  }
  if (setting?.kind === "number") return <input id={id} class="input" type="number" value={value} onInput={(event) => onChange(event.currentTarget.value)} />;
  return <input id={id} class="input mono" type="text" spellcheck={false} value={value} onInput={(event) => onChange(event.currentTarget.value)} />;
}
