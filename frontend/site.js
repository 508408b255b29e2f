// Every page: theme, copy buttons, tabs.
import { prepareCopying } from "./copying.js";
import { prepareTabs } from "./tabs.js";
import { prepareTheme } from "./theme.js";

prepareTheme();
prepareCopying();
prepareTabs();
