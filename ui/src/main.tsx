import { render } from "preact";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import { Unreachable } from "./lib/api";
import { followLanguage } from "./lib/i18n";
import { followTheme } from "./lib/theme";
import { followEvents } from "./lib/live";
import { comeBack } from "./lib/provider";
import { me, resume } from "./lib/session";
import { App } from "./shell/app";

followTheme();
followLanguage();
const root = document.createElement("div");
root.id = "app";
document.body.append(root);

try {
  await comeBack();
  if (!me.value) await resume();
} catch (error) {
  if (!(error instanceof Unreachable)) throw error; // the page says so
}
followEvents();
render(<App />, root);
