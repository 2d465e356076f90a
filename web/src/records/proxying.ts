import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { edgeAddressesQuery, serverQuery } from "../api/queries";
import { useMay } from "../ui/rights";

/** Why records of a zone cannot be proxied; undefined where they can, and while nobody knows. */
export function useProxyReason(zone: Schema<"Zone">): string | undefined {
  const server = useQuery(serverQuery).data;
  const reads = useMay(zone.account.id, "Account Settings Read");
  const none = server?.edge_addresses === false;
  const own = useQuery({ ...edgeAddressesQuery(zone.account.id), enabled: none && reads }).data;
  if (!none || own === undefined || own.addresses.length > 0) return undefined;
  return "There are no edge addresses yet; set them under Account settings.";
}
