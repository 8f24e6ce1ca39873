import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../lib/api";
import { hostOf, leaveFor, loginProblem, provider } from "../lib/provider";
import { logIn } from "../lib/session";
import { Button } from "../ui/bits";
import { Form, TextField } from "../ui/form";
import { complain } from "../ui/toast";
import { Appearance } from "./topbar";
import { t } from "./words";
import mark from "../style/mark.svg";

export function Login() {
  const name = useSignal("");
  const password = useSignal("");
  const submit = async () => {
    try {
      await logIn(name.value, password.value);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) throw new Error(t.wrong);
      if (error instanceof ApiError && error.status === 429) throw new Error(t.tooMany);
      throw error;
    }
  };
  return (
    <main class="login">
      <div>
        <div style={{ width: "340px", maxWidth: "100%" }}>
          <div class="card" style={{ padding: "26px 28px 28px" }}>
            <div class="name"><img src={mark} alt="" />anymq</div>
            <Form onSubmit={submit} button={t.logIn} wide>
              <TextField label={t.name} value={name} required autofocus autocomplete="username" />
              <TextField label={t.password} value={password} required type="password" autocomplete="current-password" />
            </Form>
            <Elsewhere />
          </div>
          <footer><Appearance /></footer>
        </div>
      </div>
    </main>
  );
}

/** At an identity provider, if the server knows one. */
function Elsewhere() {
  const known = useSignal<Awaited<ReturnType<typeof provider>>>(null);
  useEffect(() => void provider().then((one) => (known.value = one), () => undefined), []); // unreachable: that is said above
  const one = known.value;
  return (
    <>
      {one && <div class="or">{t.or}</div>}
      {one && <div class="buttons wide"><Button onClick={() => void leaveFor(one).catch(complain)}>{t.logInAt(hostOf(one))}</Button></div>}
      {loginProblem.value && <div class="problem" role="alert">{loginProblem.value}</div>}
    </>
  );
}
