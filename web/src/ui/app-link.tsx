import { useRouter } from "@tanstack/react-router";
import { forwardRef, type AnchorHTMLAttributes } from "react";

type Props = AnchorHTMLAttributes<HTMLAnchorElement> & { to?: string };

/** A link that kumo's components use: within the dashboard it goes without loading the page again. */
export const AppLink = forwardRef<HTMLAnchorElement, Props>(function AppLink({ to, href, onClick, ...rest }, ref) {
  const router = useRouter();
  const target = to ?? href ?? "";
  const inside = target.startsWith("/") && !target.startsWith("//") && rest.target === undefined && rest.download === undefined;
  return (
    <a
      {...rest}
      ref={ref}
      href={target}
      onClick={(e) => {
        onClick?.(e);
        if (!inside || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
        e.preventDefault();
        router.history.push(target);
      }}
    />
  );
});
