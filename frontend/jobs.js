// The list of uploads and the page of one.
import "./site.js";

import { follow } from "./follow.js";

follow();
