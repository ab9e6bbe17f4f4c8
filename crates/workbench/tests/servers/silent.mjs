// Wrong: does nothing at all.
import { serve } from "../../typescript/workbench.js";

serve(() => ({ on: () => [] }));
