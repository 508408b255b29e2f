// The list of uploads.
import "./site.js";

import { follow } from "./follow.js";
import { prepareJobActions } from "./job_actions.js";

prepareJobActions();
document.getElementById("show")?.addEventListener("change", (event) => event.target.form.requestSubmit());
follow();
