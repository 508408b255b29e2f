"""The caller's account and API tokens."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from repository import tokens
from repository.api.principals import caller
from repository.errors import NotFound
from repository.models import ApiToken, User
from repository.policy import require_writer, visible_to
from repository.portal.forms import NewToken


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Who one is signed in as, and what one can do about it."""
    require_writer(caller(request))
    return render(request, "portal/account.html")


@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """The caller's tokens; a new one is shown in the answer to the form, and never again."""
    principal = caller(request)
    require_writer(principal)
    form = NewToken(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        secret = _create(User.objects.get(username=principal.username), form)
        form = NewToken()
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "secret": secret, "tokens": _own(request)}
    response = render(request, "portal/tokens.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
def revoke_token(request: HttpRequest, token_id: str) -> HttpResponse:
    """What uses the token stops working at once."""
    token = _own(request).filter(pk=token_id).first()
    if token is None:
        raise NotFound("There is no such token, or it is not yours.")
    token.delete()
    messages.success(request, f"The token {token} is revoked.")
    return redirect("tokens")


def _create(user: User, form: NewToken) -> str:
    wanted = form.cleaned_data
    scopes = ("read", "write") if wanted["scope"] == "write" else ("read",)
    _, secret = tokens.create(user, name=wanted["name"], scopes=scopes, days=wanted["days"] or None)
    return secret


def _own(request: HttpRequest) -> QuerySet[ApiToken]:
    return visible_to(caller(request), ApiToken.objects.all())
