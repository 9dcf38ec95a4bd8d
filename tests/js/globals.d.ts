/** What the page, the snippet and the tracker share through the window. */
interface Window {
  /**
   * Set by the first tracker of a page, so that a second one does nothing. For datalayer.js.
   */
  _alhenaTracker?: {
    /** Not empty while anything may be stored. */
    hasVisitor: () => string;
    /** The decimals of a currency; undefined if it is not accepted. */
    decimalsOf: (code: any) => string | undefined;
    /** Report what is wrong with a line of an order. */
    readLine: (line: unknown, report: (field: string, code: string) => void) => unknown;
    /** Let staff see what could not be used of a call. */
    refuse: (method: string, errors: [field: string, code: string][]) => void;
  };
  /** What the tracker has to say in debug mode. */
  _alhenaNotes?: unknown[][];
  _alhenaEventQueue: { method: unknown; args: unknown }[];
  trackAlhenaEvent: (method: unknown, data?: unknown) => void;
  /** The real Alhena widget, or the tracker's stand-in for its legacy methods. */
  gleenWidget?: Record<string, unknown>;
  /** Of Google Tag Manager and gtag.js. */
  dataLayer?: any[];
  /** Of Shopify's themes; `root` has the locale's prefix. */
  Shopify?: { routes?: { root?: string } };
}

interface Navigator {
  globalPrivacyControl?: boolean;
}
