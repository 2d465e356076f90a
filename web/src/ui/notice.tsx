import { Banner } from "@cloudflare/kumo/components/banner";
import type { ComponentProps } from "react";

/** kumo's banner with text in the page's own colour: that of its alerts is too faint on their ground. */
export function Notice(props: Omit<ComponentProps<typeof Banner>, "ref">) {
  return <Banner {...props} className="[&_p]:text-kumo-default" />;
}
