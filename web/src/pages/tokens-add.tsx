import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { permissionGroupsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { endOfDay } from "../ui/format";
import { ZoneChoice } from "../ui/zone-choice";

const zoneScope = "com.cloudflare.api.account.zone";
const accountScope = "com.cloudflare.api.account";
const userScope = "com.cloudflare.api.user";

type Policy = Schema<"TokenWrite">["policies"][number];

/** One policy for each kind of resource that the chosen groups are about. */
function policiesOf(groups: Schema<"PermissionGroup">[], account: string, zone: string, user: string): Policy[] {
  const resources: Record<string, Record<string, unknown>> = {
    [zoneScope]:
      zone === "all"
        ? { [`${accountScope}.${account}`]: { [`${zoneScope}.*`]: "*" } }
        : { [`${zoneScope}.${zone}`]: "*" },
    [accountScope]: { [`${accountScope}.${account}`]: "*" },
    [userScope]: { [`${userScope}.${user}`]: "*" },
  };
  return Object.entries(resources).flatMap(([scope, resource]) => {
    const chosen = groups.filter((g) => g.scopes.includes(scope));
    if (chosen.length === 0) return [];
    // The schema leaves the members of resources open.
    return [{ effect: "allow", permission_groups: chosen.map((g) => ({ id: g.id })), resources: resource as Record<string, never> }];
  });
}

/** Makes a token from permission groups and the zones they are for. */
export function AddToken(props: { account: string; open: boolean; onClose: () => void; onMade: (value: string) => void }) {
  const groups = useQuery({ ...permissionGroupsQuery, enabled: props.open }).data ?? [];
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [zone, setZone] = useState("all");
  const [expires, setExpires] = useState("");
  const make = useAction({
    quiet: true,
    stale: [["tokens"]],
    run: async () => {
      const user = await result(api.GET("/client/v4/user"));
      return result(
        api.POST("/client/v4/user/tokens", {
          body: {
            name,
            policies: policiesOf(groups.filter((g) => chosen.includes(g.id)), props.account, zone, user.id),
            ...(expires && { expires_on: endOfDay(expires) }),
          },
        }),
      );
    },
    then: (token) => {
      props.onClose();
      setName("");
      setChosen([]);
      props.onMade(token.value);
    },
  });
  return (
    <FormDialog
      open={props.open}
      onClose={props.onClose}
      size="xl"
      title="Create Token"
      submit="Create Token"
      busy={make.busy}
      error={make.error}
      disabled={chosen.length === 0}
      onSubmit={make.run}
    >
      <Input label="Token name" required value={name} error={make.at("/name")} onChange={(e) => setName(e.target.value)} />
      <Checkbox.Group legend="Permissions" value={chosen} onValueChange={setChosen} className="max-h-72 overflow-y-auto p-1">
        {groups.map((g) => (
          <Checkbox.Item key={g.id} value={g.id} label={g.name} />
        ))}
      </Checkbox.Group>
      <ZoneChoice account={props.account} label="Zone resources" by="id" value={zone} first={[["all", "All zones of this account"]]} onChange={setZone} />
      <Input
        label="Last day (optional)"
        type="date"
        description="It works until the end of that day where you are."
        value={expires}
        onChange={(e) => setExpires(e.target.value)}
      />
    </FormDialog>
  );
}
