/** Dialogs: forms over the page, and the question before something is lost. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./bits";
import { Field, Form } from "./form";
import { useSignal } from "@preact/signals";
import { t } from "./words";

interface Opened {
  id: number;
  title: string;
  wide: boolean;
  body: (close: () => void) => ComponentChildren;
}

const opened = signal<Opened[]>([]);
let last = 0;

/** Open a dialog; what `body` makes is given the way to close it. */
export function openDialog(title: string, body: Opened["body"], options: { wide?: boolean } = {}): void {
  opened.value = [...opened.value, { id: ++last, title, body, wide: options.wide ?? false }];
}

export function closeDialogs(): void {
  opened.value = [];
}

export function Dialogs() {
  return <>{opened.value.map((one) => <Dialog key={one.id} of={one} />)}</>;
}

function Dialog({ of }: { of: Opened }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
    element.current?.querySelector<HTMLElement>(".body input, .body textarea, .body select, .body button")?.focus();
  }, []);
  const close = () => {
    opened.value = opened.value.filter((one) => one.id !== of.id);
  };
  return (
    <dialog ref={element} class={of.wide ? "wide" : ""} aria-label={of.title} onClose={close} onCancel={close}>
      <header>
        <h2>{of.title}</h2>
        <Button icon="x" look="quiet" aria-label={t.close} onClick={close} />
      </header>
      <div class="body">{of.body(close)}</div>
    </dialog>
  );
}

export interface Danger {
  title: string;
  text: ComponentChildren; // what is lost
  button: string;
  /** Has to be typed: for what cannot be got back. */
  name?: string;
  act: () => Promise<unknown>;
  done?: () => void;
}

/** Ask before something is lost; what cannot be got back has to be named. */
export function askBefore(danger: Danger): void {
  openDialog(danger.title, (close) => <Question danger={danger} close={close} />);
}

function Question({ danger, close }: { danger: Danger; close: () => void }) {
  const typed = useSignal("");
  const sure = danger.name === undefined || typed.value === danger.name;
  const act = async () => {
    await danger.act();
    close();
    danger.done?.();
  };
  return (
    <Form onSubmit={act} button={danger.button} look="danger solid" ready={sure} onCancel={close}>
      <div>{danger.text}</div>
      {danger.name !== undefined && (
        <Field label={t.typeToConfirm(danger.name)}>
          <input class="input mono" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} autocomplete="off" spellcheck={false} />
        </Field>
      )}
    </Form>
  );
}
