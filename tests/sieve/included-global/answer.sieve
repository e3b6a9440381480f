require ["include", "variables"];
set "global.answer" "42";
set "local" "hidden";
return;
discard;
