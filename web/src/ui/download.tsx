import { LinkButton } from "@cloudflare/kumo/components/button";
import type { ComponentProps } from "react";
import { ApiError } from "../api/client";
import { readSession } from "../api/session";
import { useAction } from "./action";
import { saveFrom } from "./save-file";

type Props = { href: string; /** What the file is called. */ name: string } & Pick<ComponentProps<typeof LinkButton>, "size" | "icon" | "children">;

/**
 * A link to a file of the server's. Whether somebody is signed in, and the server there, is looked at first: a browser that is refused a file
 * saves the refusal, or nothing, and says no word.
 */
export function DownloadLink({ href, name, ...rest }: Props) {
  const save = useAction({
    run: async () => {
      if ((await readSession()) === null) throw new ApiError(401, []);
      saveFrom(href, name);
    },
  });
  return (
    <LinkButton
      variant="secondary"
      href={href}
      download={name}
      onClick={(e) => {
        e.preventDefault();
        save.run();
      }}
      {...rest}
    />
  );
}
