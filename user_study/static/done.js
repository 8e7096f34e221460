// Everything is saved: back to the platform, unless the rater stays.

import { byId, sleep } from "./common.js";

const link = byId("back");
const wait = byId("wait");
let stay = sessionStorage.getItem("eap-returned") === "1"; // whoever comes back to this page is not sent away again

for (let left = 10; left > 0 && !stay; left -= 1) {
  wait.textContent = `You are taken back in ${left} s. `;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Stay here";
  button.addEventListener("click", () => { stay = true; wait.textContent = ""; });
  wait.append(button);
  await sleep(1000);
}
if (!stay) {
  sessionStorage.setItem("eap-returned", "1");
  location.assign(link.href);
}
