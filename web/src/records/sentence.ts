import { toUnicode } from "../ui/unicode";
import { checkContent, checkName, within } from "./check";
import type { Draft } from "./draft";

/** The whole name that a name in the form will be; one that ends in the zone's, or in a dot, is whole already. */
export function wholeName(name: string, zone: string): string {
  const text = name.trim().toLowerCase().replace(/\.$/, "");
  if (text === "" || text === "@") return zone;
  return within(text, zone) ? text : `${text}.${zone}`;
}

/** What the record of a draft will mean, in words; nothing while it is not told. */
export function sentence(d: Draft, zone: string): string {
  if (d.name.trim() === "" || checkName(d.name, zone) !== undefined) return "";
  const name = toUnicode(wholeName(d.name, zone));
  const content = d.content.trim();
  if (content === "" || checkContent(d.type, content) !== undefined) return `The name is ${name}.`;
  switch (d.type) {
    case "A":
    case "AAAA":
      return d.proxied ? `${name} answers edge addresses in place of ${content}.` : `${name} answers ${content}.`;
    case "CNAME":
      return d.proxied ? `${name} answers edge addresses in place of those of ${content}.` : `${name} is another name of ${content}.`;
    case "MX":
      return `Mail for ${name} goes to ${content}, priority ${d.priority}.`;
    case "NS":
      return `${name} is served by ${content}.`;
    default:
      return `The name is ${name}.`;
  }
}
