"""The portal's addresses."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from repository.portal.views import (
    accounts,
    answers,
    collections,
    home,
    jobs,
    products,
    reprocessing,
    styles,
    uploads,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("favicon.ico", home.favicon),
    path("upload", uploads.upload, name="upload"),
    path("upload/import", uploads.import_file, name="import"),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/systems", answers.crs_search, name="crs-search"),
    path("jobs/<uuid:job_id>", jobs.job, name="job"),
    path("jobs/<uuid:job_id>/row", jobs.job_row, name="job-row"),
    path("jobs/<uuid:job_id>/answer", answers.job_answer, name="job-answer"),
    path("jobs/<uuid:job_id>/retry", jobs.job_retry, name="job-retry"),
    path("jobs/<uuid:job_id>/cancel", jobs.job_cancel, name="job-cancel"),
    path("collections/", collections.collection_list, name="collections"),
    path("collections/new/", collections.new_collection, name="new-collection"),
    path("collections/<str:c>", collections.collection, name="collection"),
    path("collections/<str:c>/settings", collections.collection_settings,
         name="collection-settings"),
    path("collections/<str:c>/remove", collections.remove_collection, name="remove-collection"),
    path("collections/<str:c>/styles", styles.collection_styles, name="collection-styles"),
    path("collections/<str:c>/styles/<str:name>/remove", styles.remove_collection_style,
         name="remove-collection-style"),
    path("products/<str:c>/<str:p>", products.product, name="product"),
    path("products/<str:c>/<str:p>/layer.qlr", products.layer_file, name="layer-file"),
    path("products/<str:c>/<str:p>/edit", products.edit_product, name="edit-product"),
    path("products/<str:c>/<str:p>/reprocess", reprocessing.reprocess_product,
         name="reprocess-product"),
    path("products/<str:c>/<str:p>/remove", products.remove_product, name="remove-product"),
    path("products/<str:c>/<str:p>/styles", styles.product_styles, name="product-styles"),
    path("products/<str:c>/<str:p>/styles/<str:name>/choose", styles.choose_style,
         name="choose-style"),
    path("products/<str:c>/<str:p>/styles/<str:name>/remove", styles.remove_style,
         name="remove-style"),
    path("accounts/", accounts.account, name="account"),
    path("accounts/tokens/", accounts.token_list, name="tokens"),
    path("accounts/tokens/<uuid:token_id>/revoke", accounts.revoke_token, name="revoke-token"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/password/", auth.PasswordChangeView.as_view(
        template_name="portal/password.html", success_url="/accounts/"), name="password"),
]  # fmt: skip
