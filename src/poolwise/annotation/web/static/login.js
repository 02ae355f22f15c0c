"use strict";
// The token stands behind the # of the link: browsers do not send that part, so no log holds it.
const token = decodeURIComponent(location.hash.slice(1));
if (token) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("token").value = token;
  document.getElementById("login").submit();
}
