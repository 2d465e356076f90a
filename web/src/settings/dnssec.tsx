import { Badge } from "@cloudflare/kumo/components/badge";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { dnssecQuery } from "../api/dnssec";
import { Card } from "../ui/page";

const words = {
  active: ["success", "Active"],
  pending: ["warning", "Pending"],
  "pending-disabled": ["warning", "Being disabled"],
  disabled: ["neutral", "Disabled"],
  error: ["error", "Error"],
} as const satisfies Record<Schema<"DNSSEC">["status"], readonly [string, string]>;

/** Whether the zone is signed, and the way to the page about that. */
export function DNSSECCard({ zone, account }: { zone: Schema<"Zone">; account: string }) {
  const state = useQuery(dnssecQuery(zone.id)).data;
  const [variant, text] = words[state?.status ?? "disabled"];
  return (
    <Card
      title="DNSSEC"
      description="Signatures by which resolvers tell our answers from forged ones."
      actions={state && <Badge appearance="dot" variant={variant}>{text}</Badge>}
    >
      <Link href={`/${account}/${zone.name}/dns/settings/dnssec`}>DNSSEC: keys, DS record, rolls</Link>
    </Card>
  );
}
