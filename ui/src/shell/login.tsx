import { useSignal } from "@preact/signals";
import { ApiError } from "../lib/api";
import { logIn } from "../lib/session";
import { Form, TextField } from "../ui/form";
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
          </div>
          <footer><Appearance /></footer>
        </div>
      </div>
    </main>
  );
}
