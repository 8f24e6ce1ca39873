/** Buttons that other areas add to the page of a thing. A file of its own: areas import it, and the registry imports them. */
import { offers, type Offer } from "../shell/registry";
import { Icon } from "./icons";

export function Offers({ of, names }: { of: Offer["of"]; names: string[] }) {
  return (
    <>
      {offers.filter((one) => one.of === of).map((one) => (
        <a class="button" href={one.href(...names)}><Icon name={one.icon} />{one.label()}</a>
      ))}
    </>
  );
}
