import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Schema } from "../api/client";
import { sessionQuery } from "../api/queries";
import { Notice } from "./notice";

/** What is said where somebody may look and not change. */
export const readOnlyText = "Your role here is read only.";

/** Whether the signed-in one has a right in all of an account. Until the session is known it is not doubted. */
export function useMay(account: string, right: string): boolean {
  const session = useQuery(sessionQuery).data;
  return !session || (session.accounts.find((a) => a.id === account)?.rights.includes(right) ?? false);
}

/** What one may change in a zone. */
export function zoneRights(zone: Schema<"Zone">) {
  const may = (p: string) => zone.permissions.includes(p);
  return { records: may("#dns_records:edit"), settings: may("#zone_settings:edit") || may("#zone:edit"), zone: may("#zone:edit") };
}

/** What only those who may change something can work: for others it is out of action, and says why. */
export function Allowed(props: { may: boolean; children: ReactNode }) {
  if (props.may) return props.children;
  return (
    <>
      <Notice description={readOnlyText} />
      <fieldset disabled className="contents">
        {props.children}
      </fieldset>
    </>
  );
}
